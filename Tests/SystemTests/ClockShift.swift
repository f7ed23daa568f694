import Foundation
import Testing
import TestSupport

/// Moves the wall clock of one process while it runs; its monotonic clocks go on.
///
/// A library that the program loads before libc, built by the C compiler that builds this package. The program asks libc
/// for the time, and the library adds what stands in a file that both share.
final class ClockShift {
    private let file: String
    private let library: String
    private let memory: UnsafeMutablePointer<Int64>

    private static let source = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static const volatile long long *ahead;

        __attribute__((constructor)) static void share(void) {
            const char *name = getenv("BAOTU_TEST_CLOCK");
            int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
            if (file < 0) return;
            void *page = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
            close(file);
            if (page != MAP_FAILED) ahead = page;
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            int code = (int)syscall(SYS_clock_gettime, clock, now);
            if (!code && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *ahead;
            return code;
        }

        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
            struct timespec precise;
            (void)zone;
            clock_gettime(CLOCK_REALTIME, &precise);
            now->tv_sec = precise.tv_sec;
            now->tv_usec = precise.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *place) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (place) *place = now.tv_sec;
            return now.tv_sec;
        }

        """

    init(_ site: Site) throws {
        let source = try site.write(Self.source, to: "clock.c")
        library = site.path("clock.so")
        let arguments = ["clang", "-shared", "-fPIC", "-O1", "-o", library, source]
        let built = try site.run("/usr/bin/env", arguments)
        if built.code != 0 {
            let other = try site.run("/usr/bin/env", ["cc"] + arguments.dropFirst())
            guard other.code == 0 else {
                throw Failure(description: "no C compiler builds the clock: \(built.errors) \(other.errors)")
            }
        }
        file = site.path("clock")
        let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, 8) == 0,
            let page = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), page != MAP_FAILED
        else { throw Failure(description: "the clock's file cannot be shared") }
        close(descriptor)
        memory = page.assumingMemoryBound(to: Int64.self)
    }

    deinit { munmap(memory, 8) }

    /// For the program whose clock it is.
    var environment: [String: String] { ["LD_PRELOAD": library, "BAOTU_TEST_CLOCK": file] }

    /// By how much its clock is ahead of the machine's.
    var aheadSeconds: Int64 {
        get { memory.pointee }
        set { memory.pointee = newValue }
    }
}
