# Baotu. `make demo` and `make test` need nothing but Debian 12 with Swift 6.3; both install what is missing.

SWIFT ?= swift
PREFIX ?= /usr
DESTDIR ?=
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
MANDIR ?= $(PREFIX)/share/man
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
RELEASE_BIN = .build/release
# Of what is installed. Empty: the symbols stay in, 100 MB a program.
STRIP = .ci/strip
# With Swift's library inside, the binaries run where no Swift is installed, and under a user who may not read it.
# They hold no path of the machine that built them, which BoringSSL's assertions would, and no sum over what .ci/strip takes.
RELEASE = -c release --static-swift-stdlib --disable-local-rpath \
	-Xcc -ffile-prefix-map=$(CURDIR)=. -Xcxx -ffile-prefix-map=$(CURDIR)=. \
	-Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=. -Xlinker --build-id=none
# The benches are a package of their own; building the product does not build them.
BENCHES = --package-path Tests/Performance $(RELEASE)
BENCHES_BIN = Tests/Performance/.build/release

# What building needs, and what the tests and the demo need beside it.
BUILD_PACKAGES = libcurl4-openssl-dev libmosquitto-dev libsqlite3-dev libyaml-dev pkg-config
RUN_PACKAGES = mosquitto
TEST_PACKAGES = mosquitto prometheus-alertmanager strace systemd python3-venv
DEB_PACKAGES = debhelper dpkg-dev python3
DEB_TEST_PACKAGES = $(DEB_PACKAGES) debootstrap lintian

.PHONY: help build test demo bench bench-store bench-decode bench-detect bench-windows bench-city bench-alerts bench-acks bench-questions bench-autosave fuzz torture lint format install deb test-deb clean packages toolchain

help:
	@echo "make demo [SECONDS=30]   a simulated city on this machine, until Ctrl-C or for so long"
	@echo "make test                the whole test suite"
	@echo "make build               release binaries in $(RELEASE_BIN)"
	@echo "make install             DESTDIR=$(DESTDIR) PREFIX=$(PREFIX): binaries, profiles, configuration, units"
	@echo "make deb                 a Debian package and its bill of materials in .build/deb"
	@echo "make test-deb            that package in a Debian 12 of its own: upgrade, removal, purge (root; minutes)"
	@echo "make bench               figures, each with its target (Tests/Performance)"
	@echo "make bench-store [TENTH=1] figures of the store alone: 223 million readings, or a tenth of them"
	@echo "make bench-decode        figures of the decoder alone"
	@echo "make bench-detect        figures of the anomaly detector alone"
	@echo "make bench-windows       figures of the windows alone; BENCH=--callgrind counts instructions too (valgrind)"
	@echo "make bench-city          faults found and false alerts in a simulated city; BENCH=\"--days 50 --list\""
	@echo "make bench-acks          how long the gateway takes to acknowledge, alone and beside an import"
	@echo "make bench-alerts        from a bad reading to a webhook; rules, absence and storms by the 10,000; a year rehearsed; BENCH=\"--days 30\""
	@echo "make bench-questions     how long status and alerts take while 200 clients ask for the worst"
	@echo "make bench-autosave      how long the broker writes its store, and what it loses when it is killed"
	@echo "make fuzz [MINUTES=1]    damaged messages of each format, configurations and stores, counted over runs"
	@echo "make torture             200 kills under load and 200 of the broker; 200 stops of 30 s, 200 steps of the clock; three years with restarts"
	@echo "make lint format clean"

toolchain:
	@command -v $(SWIFT) >/dev/null || { \
		echo "swift is missing: install Swift 6.3 or newer from swift.org and put it on the PATH" >&2; exit 1; }

packages: toolchain
	@.ci/packages $(BUILD_PACKAGES)

build: packages
	@echo "build: release binaries (the first time takes some minutes)"
	$(SWIFT) build $(RELEASE)

test: toolchain
	@.ci/packages $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@.ci/python
	@echo "lint: swift format"
	@$(SWIFT) format lint --strict --recursive Sources Tests Package.swift
	@echo "build: tests (the first time takes some minutes)"
	$(SWIFT) build --build-tests
	@echo "test: all"
	@.ci/suites $(SWIFT)

demo: toolchain
	@.ci/packages $(BUILD_PACKAGES) $(RUN_PACKAGES)
	@echo "build: release binaries (the first time takes some minutes)"
	@$(SWIFT) build $(RELEASE)
	@Config/demo/demo $(RELEASE_BIN) $(SECONDS)

bench: build
	@.ci/packages $(RUN_PACKAGES)
	@Tests/Performance/bench $(RELEASE_BIN)

# PHASES and SECONDS of the environment: more and longer phases.
bench-acks: build
	@.ci/packages $(RUN_PACKAGES) python3
	@Tests/Performance/acks $(RELEASE_BIN)

bench-questions: build
	@.ci/packages $(RUN_PACKAGES) python3
	@Tests/Performance/questions $(RELEASE_BIN)

# QUEUED and KILLS of the environment: how many messages wait, and how often it is killed.
bench-autosave:
	@.ci/packages $(RUN_PACKAGES) python3
	@Tests/Performance/autosave

# BENCH: more of its options, as --keep or --only latest,series.
bench-store: packages
	@echo "build: the bench (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product store-bench
	@SWIFT_VERSION="$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*\(Swift version [^ ]*\).*/\1/p' | head -n 1)" \
		$(BENCHES_BIN)/store-bench $(if $(TENTH),--tenth) $(BENCH)

# BENCH: --only rehearsal or crowd, --days N. PROBES of the environment: bad readings.
bench-alerts: build
	@.ci/packages $(RUN_PACKAGES) python3
	@Tests/Performance/webhook $(RELEASE_BIN)
	@echo "build: the bench (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product alerts-bench
	@$(BENCHES_BIN)/alerts-bench $(BENCH)

# BENCH: --pairs N.
bench-decode: packages
	@echo "build: the bench (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product decode-bench
	@$(BENCHES_BIN)/decode-bench --devices Devices $(BENCH)

# BENCH: --rounds N, --readings N, --only light, daily, full or rules.
bench-detect: packages
	@echo "build: the bench (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product detect-bench
	@$(BENCHES_BIN)/detect-bench $(BENCH)

bench-windows: packages
	@echo "build: the bench (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product windows-bench
	@$(BENCHES_BIN)/windows-bench $(BENCH)

# BENCH: --days N, --devices N, --cadence SECONDS, --faults-per-hour X, --seed N, --list.
bench-city: packages
	@echo "build: the bench (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product city-bench
	@$(BENCHES_BIN)/city-bench $(BENCH)

# Ends at the first input that crashes, hangs or comes out wrong. The counts of all runs are in .build/fuzz-counts.
fuzz: packages
	@echo "build: the fuzzer (the first time takes some minutes)"
	@$(SWIFT) build $(BENCHES) --product fuzz
	@$(BENCHES_BIN)/fuzz --minutes $(or $(MINUTES),1)

torture: toolchain
	@.ci/packages $(BUILD_PACKAGES) $(TEST_PACKAGES)
	BAOTU_KILLS=200 $(SWIFT) test --filter "KillTests|OtherKillerTests|FailingCallTests|YearTests"

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift

format:
	$(SWIFT) format format --in-place --recursive Sources Tests Package.swift

# What the Debian package puts down, too (debian/rules). Configuration that is there already is kept, and so is what people
# put beside the shipped profiles.
install:
	@test -x $(RELEASE_BIN)/baotud || { echo "install: there are no binaries yet; run make build first" >&2; exit 1; }
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/baotu $(DESTDIR)$(PREFIX)/share/doc/baotu
	install -m 0755 $(RELEASE_BIN)/baotud $(RELEASE_BIN)/baotu $(RELEASE_BIN)/baotu-fleet $(DESTDIR)$(PREFIX)/bin/
	$(if $(STRIP),$(STRIP) $(addprefix $(DESTDIR)$(PREFIX)/bin/,baotud baotu baotu-fleet))
	@.ci/install-tree Devices $(DESTDIR)$(PREFIX)/share/baotu/Devices $(DESTDIR)$(PREFIX)/share/baotu/Devices.installed
	@.ci/install-tree Config/mosquitto $(DESTDIR)$(PREFIX)/share/baotu/mosquitto \
		$(DESTDIR)$(PREFIX)/share/baotu/mosquitto.installed
	@.ci/install-tree Config/notification $(DESTDIR)$(PREFIX)/share/baotu/notification \
		$(DESTDIR)$(PREFIX)/share/baotu/notification.installed
	install -m 0644 README.md CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/baotu/
	install -d $(DESTDIR)$(SYSCONFDIR)/baotu $(DESTDIR)$(SYSCONFDIR)/baotu/devices
	@for file in alerts.yaml roster.csv; do \
		test -e $(DESTDIR)$(SYSCONFDIR)/baotu/$$file || \
			install -m 0644 Config/$$file $(DESTDIR)$(SYSCONFDIR)/baotu/$$file; done
	@test -e $(DESTDIR)$(SYSCONFDIR)/baotu/baotu.yaml || { \
		sed 's|folder: ../Devices  .*|folder: [devices, $(PREFIX)/share/baotu/Devices]  # profiles: your own, then those that are shipped|' Config/baotu.yaml \
			> $(DESTDIR)$(SYSCONFDIR)/baotu/baotu.yaml && chmod 0640 $(DESTDIR)$(SYSCONFDIR)/baotu/baotu.yaml; }
	install -D -m 0644 systemd/baotud.service $(DESTDIR)$(UNITDIR)/baotud.service
	install -D -m 0644 systemd/baotu.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/baotu.conf
	install -D -m 0644 systemd/baotu.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/baotu.conf
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(ZSHDIR) \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(RELEASE_BIN)/baotu --generate-completion-script bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/baotu
	$(RELEASE_BIN)/baotu --generate-completion-script zsh > $(DESTDIR)$(ZSHDIR)/_baotu
	$(RELEASE_BIN)/baotu --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/baotu.fish
	for page in $(wildcard man/*.[1-8]); do \
		install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done
	@echo "install: the broker's settings, and \`accounts\`, which makes its users, are in $(PREFIX)/share/baotu/mosquitto"

deb: build
	@.ci/packages $(DEB_PACKAGES)
	@SWIFT=$(SWIFT) .ci/deb $(RELEASE_BIN) .build/deb

# BEFORE: an older package to upgrade from; else one of the commit before is built.
test-deb: deb
	@.ci/packages $(DEB_TEST_PACKAGES)
	@SWIFT=$(SWIFT) .ci/test-deb .build/deb $(BEFORE)

clean:
	rm -rf .build Tests/Performance/.build
