#include <curl/curl.h>

// curl_easy_setopt takes any number of arguments, which Swift cannot call.
static inline CURLcode baotu_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode baotu_curl_set_text(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode baotu_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

typedef size_t (*baotu_curl_transfer)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode baotu_curl_set_transfer(CURL *handle, CURLoption option, baotu_curl_transfer transfer) {
    return curl_easy_setopt(handle, option, transfer);
}
