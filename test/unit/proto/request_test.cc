#include <policymux/request.h>

#include <string>

#include "proto/parser.h"
#include "support/catch.h"

using namespace policymux;

namespace {

struct Parsed {
  explicit Parsed(std::string text) : bytes{std::move(text)} {
    REQUIRE(parser.parse(bytes) == ParseStatus::complete);
  }
  std::string bytes;
  RequestParser parser;
  const Request& request = parser.request();
};

}  // namespace

TEST_CASE("every attribute is found by its name, and nothing else is") {
  for (std::size_t i = 0; i < attribute_count; ++i) {
    const auto attribute = static_cast<Attribute>(i);
    const std::string name{attribute_name(attribute)};
    CAPTURE(name);
    CHECK(attribute_by_name(name) == attribute);
    CHECK_FALSE(attribute_by_name(name + "x"));
    CHECK_FALSE(attribute_by_name(name.substr(1)));
    CHECK_FALSE(attribute_by_name(std::string{"X"}.append(name, 1)));
  }
  CHECK_FALSE(attribute_by_name(""));
  CHECK(attribute_name(Attribute::tls_sni) == "tls_sni");
}

TEST_CASE("A repeated attribute: the last one counts.") {
  const Parsed parsed{"sender=a\nodd=1\nsender=b\nodd=2\n\n"};
  CHECK(parsed.request.get(Attribute::sender) == "b");
  CHECK(parsed.request.get("sender") == "b");
  CHECK(parsed.request.get("odd") == "2");
  REQUIRE(parsed.request.size() == 4);
  CHECK(parsed.request.name_at(0) == "sender");
  CHECK(parsed.request.value_at(0) == "a");
}

TEST_CASE("Unknown attributes must be accepted and be usable in rules by name.") {
  const Parsed parsed{"request=smtpd_access_policy\nx_new=1=2\nx_empty=\n\n"};
  CHECK(parsed.request.get("x_new") == "1=2");
  CHECK(parsed.request.get("x_empty") == "");
  CHECK(parsed.request.get("x_other") == std::nullopt);
  CHECK(parsed.request.get("") == std::nullopt);
  CHECK(parsed.request.get(Attribute::sender) == std::nullopt);
  CHECK(parsed.request.text(Attribute::sender).empty());
}

TEST_CASE("States: CONNECT EHLO HELO MAIL RCPT DATA END-OF-MESSAGE VRFY ETRN, and XCLIENT") {
  struct Case { std::string_view text; ProtocolState want; };
  static constexpr Case cases[] = {
      {"CONNECT", ProtocolState::connect}, {"EHLO", ProtocolState::ehlo}, {"HELO", ProtocolState::helo},
      {"MAIL", ProtocolState::mail}, {"RCPT", ProtocolState::rcpt}, {"DATA", ProtocolState::data},
      {"END-OF-MESSAGE", ProtocolState::end_of_message}, {"VRFY", ProtocolState::vrfy}, {"ETRN", ProtocolState::etrn},
      {"XCLIENT", ProtocolState::other}, {"rcpt", ProtocolState::other}, {"", ProtocolState::other},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const Parsed parsed{"protocol_state=" + std::string{text} + "\n\n"};
    CHECK(parsed.request.state() == want);
    if (want != ProtocolState::other) CHECK(to_string(want) == text);
  }
  CHECK(Parsed{"sender=\n\n"}.request.state() == ProtocolState::not_sent);
}

TEST_CASE("a request that moved with its buffer reads the same") {
  Parsed parsed{"sender=a@b\nrecipient=c@d\n\n"};
  const std::string copy{parsed.request.raw()};
  Request moved = std::move(parsed.parser.request());
  moved.rebase(copy.data());
  parsed.bytes.assign(parsed.bytes.size(), 'x');
  CHECK(moved.get(Attribute::recipient) == "c@d");
  CHECK(moved.raw() == copy);
}
