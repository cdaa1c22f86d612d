#include "upstream/reply_reader.h"

#include "support/catch.h"

using namespace policymux;

namespace {

struct Case {
  std::string input, want;  // the action, or the name of the failure; empty: not complete
};

std::string verdict_on(std::optional<ReplyReader::Verdict> verdict) {
  if (!verdict) return {};
  return verdict->failure ? std::string{failure_row(*verdict->failure).name} : verdict->action.text;
}

const std::string long_text(9'000, 'x');

const Case cases[] = {
    {"action=DUNNO\n\n", "DUNNO"},
    {"action=REJECT no\r\n\r\n", "REJECT no"},
    {"note=x\naction=OK\naction=REJECT\n\n", "OK"},
    {"action=some_class\n\n", "some_class"},
    {"action=REJECT caf\xe9\n\n", "REJECT caf?"},
    {"action=DUN", ""},
    {"action=DUNNO\n", ""},
    {"\n", "garbage"},
    {"Action=DUNNO\n\n", "garbage"},
    {"220 mail.example ESMTP\n\n", "garbage"},
    {"action=\n\n", "invalid_action"},
    {"action= DUNNO\n\n", "invalid_action"},
    {"action=550\n\n", "invalid_action"},
    {"action=450\n\n", "invalid_action"},
    {"action=FILTER smtp\n\n", "invalid_action"},
    {"action= , \n\n", "invalid_action"},
    {"action=REJECT " + long_text + "\n\n", "too_long"},
    {"action=REJECT " + long_text, "too_long"},
};

}  // namespace

TEST_CASE("an answer is read whole, and cut anywhere") {
  for (const auto& [input, want] : cases) {
    INFO(input.substr(0, 40));
    ReplyReader reader;
    CHECK(verdict_on(reader.read(input, {})) == want);
    if (input.size() > 1'000) continue;
    for (std::size_t cut = 1; cut < input.size(); ++cut) {
      CAPTURE(cut);
      ReplyReader pieces;
      const auto first = verdict_on(pieces.read(std::string_view{input}.substr(0, cut), {}));
      CHECK(first.empty());
      CHECK(verdict_on(pieces.read(std::string_view{input}.substr(cut), {})) == want);
    }
  }
}

TEST_CASE("an answer of 8 KiB is read, one of a byte more is too long") {
  const std::string head = "action=INFO x\nnote=", tail = "\n\n";
  for (const auto more : {0u, 1u}) {
    ReplyReader reader;
    const auto input = head + std::string(reply_limit - head.size() - tail.size() + more, 'n') + tail;
    CHECK(verdict_on(reader.read(input, {})) == (more == 0 ? "INFO x" : "too_long"));
  }
}

TEST_CASE("what follows an answer is told; the next answer begins anew") {
  ReplyReader reader;
  CHECK(reader.read("action=OK\n\naction=OK\n\n", {})->surplus);
  CHECK_FALSE(reader.begun());
  const auto verdict = reader.read("action=HOLD\n\n", {});
  CHECK(verdict->action.verb == Verb::hold);
  CHECK_FALSE(verdict->surplus);
}

TEST_CASE("an end of stream comes before the answer or cuts it") {
  ReplyReader reader;
  CHECK(reader.end() == Failure::closed);
  reader.read("action=DUN", {});
  CHECK(reader.end() == Failure::cut);
}

TEST_CASE("restriction classes of the site are known; one other word passes and is marked") {
  const std::vector<std::string> classes = {"strict"};
  ReplyReader reader;
  CHECK_FALSE(reader.read("action=strict\n\n", classes)->action.unknown_word);
  CHECK(reader.read("action=lenient\n\n", classes)->action.unknown_word);
  CHECK(reader.read("action=strict lenient\n\n", classes)->failure == Failure::invalid_action);
}
