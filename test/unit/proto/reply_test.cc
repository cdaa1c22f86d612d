#include "proto/reply.h"

#include <string>

#include "support/catch.h"

using namespace policymux;

TEST_CASE("a reply is action=VERB [text] LF LF") {
  std::string out = "before";
  append_reply(out, "REJECT no");
  CHECK(out == "beforeaction=REJECT no\n\n");
}

TEST_CASE("Postfix takes the first action attribute and skips anything else up to the empty line") {
  struct Case { std::string_view input; std::optional<std::string_view> action; std::size_t extent; };
  static constexpr Case cases[] = {
      {"action=DUNNO\n\n", "DUNNO", 14},
      {"action=DUNNO\n\naction=OK\n\n", "DUNNO", 14},
      {"x=1\naction=OK\naction=REJECT\n\n", "OK", 29},
      {"action=a=b\n\n", "a=b", 12},
      {"action=\n\n", "", 9},
      {"action=OK\r\n\r\n", "OK", 13},
      {"action= OK\n\n", " OK", 12},
      {"Action=OK\n\n", {}, 11},      // `Action=` and `action =` count as no action
      {"action =OK\n\n", {}, 12},
      {"reaction=OK\n\n", {}, 13},
      {"garbage\n\n", {}, 9},
      {"\n", {}, 1},
  };
  for (const auto& [input, action, extent] : cases) {
    CAPTURE(input);
    const auto reply = parse_reply(input);
    REQUIRE(reply);
    CHECK(reply->action == action);
    CHECK(reply->extent == extent);
    for (std::size_t cut = 0; cut < extent; ++cut) CHECK_FALSE(parse_reply(input.substr(0, cut)));
  }
}
