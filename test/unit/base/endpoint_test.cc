#include "base/endpoint.h"

#include "support/catch.h"

using namespace policymux;

TEST_CASE("an endpoint is inet:host:port, inet:port, inet:[v6]:port or unix:path, and shows itself again") {
  struct Case { std::string_view text, shown; Endpoint want; };
  const Case cases[] = {
      {"inet:127.0.0.1:10001", "inet:127.0.0.1:10001", {.host = "127.0.0.1", .port = 10001}},
      {"inet:10001", "inet:10001", {.port = 10001}},
      {"inet:[::1]:1", "inet:[::1]:1", {.host = "::1", .port = 1}},
      {"inet:mx-1.example.org:65535", "inet:mx-1.example.org:65535", {.host = "mx-1.example.org", .port = 65535}},
      {"localhost:9998", "inet:localhost:9998", {.host = "localhost", .port = 9998}},
      {"[2001:db8::7]:25", "inet:[2001:db8::7]:25", {.host = "2001:db8::7", .port = 25}},
      {"unix:/run/p/s", "unix:/run/p/s", {.kind = Endpoint::Kind::local, .path = "/run/p/s"}},
      {"unix:private/policy", "unix:private/policy", {.kind = Endpoint::Kind::local, .path = "private/policy"}}};
  for (const auto& [text, shown, want] : cases) {
    CAPTURE(text);
    const auto got = parse_endpoint(text);
    REQUIRE(got);
    CHECK(*got == want);
    CHECK(to_string(*got) == shown);
    CHECK(*parse_endpoint(shown) == want);
  }
}

TEST_CASE("what is no endpoint says what was wanted") {
  struct Case { std::string_view text, want; };
  static constexpr Case cases[] = {
      {"", "\"\": want inet:host:port, inet:port or unix:/path"},
      {"10001", "\"10001\": want inet:host:port, inet:port or unix:/path"},
      {"inet:", "\"inet:\": want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001"},
      {"inet:host", "\"inet:host\": want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001"},
      {"inet:h:0", "\"inet:h:0\": want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001"},
      {"inet:h:65536", "\"inet:h:65536\": want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001"},
      {"inet:h:+1", "\"inet:h:+1\": want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001"},
      {"inet:::1:25", "\"inet:::1:25\": an IPv6 address stands in brackets: inet:[::1]:25"},
      {"inet:[mx]:25", "\"inet:[mx]:25\": want an IPv6 address between the brackets"},
      {"inet:a b:25", "\"inet:a b:25\": want inet:host:port, inet:port (every address) or unix:/path"},
      {"inet:*:25", "\"inet:*:25\": want inet:host:port, inet:port (every address) or unix:/path"},
      {"inet::25", "\"inet::25\": want inet:host:port, inet:port (every address) or unix:/path"},
      {"unix:", "\"unix:\": want a path, as in unix:/run/policymux/socket"}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const auto got = parse_endpoint(text);
    REQUIRE_FALSE(got);
    CHECK(got.error() == want);
  }
}

TEST_CASE("a socket's path fits into a socket address") {
  CHECK(parse_endpoint("unix:/" + std::string(106, 'x')));
  CHECK_FALSE(parse_endpoint("unix:/" + std::string(107, 'x')));
}

TEST_CASE("it is told by the text whether a target is one of our listeners") {
  struct Case { std::string_view target, listener; bool want; };
  static constexpr Case cases[] = {
      {"inet:127.0.0.1:1", "inet:127.0.0.1:1", true},  {"inet:127.0.0.1:1", "inet:127.0.0.1:2", false},
      {"inet:127.0.0.1:1", "inet:127.0.0.2:1", false}, {"inet:127.0.0.2:1", "inet:1", true},
      {"inet:localhost:1", "inet:127.0.0.1:1", true},  {"inet:127.0.0.1:1", "inet:LOCALHOST:1", true},
      {"inet:1", "inet:[::1]:1", true},                {"inet:127.0.0.1:1", "inet:[::1]:1", false},
      {"inet:MX.example:1", "inet:mx.example:1", true}, {"inet:mx.example:1", "inet:1", false},
      {"unix:/a", "unix:/a", true},                    {"unix:/a", "unix:/b", false},
      {"unix:/a", "inet:1", false}};
  for (const auto& [target, listener, want] : cases) {
    CAPTURE(target, listener);
    CHECK(reaches(*parse_endpoint(target), *parse_endpoint(listener)) == want);
  }
}
