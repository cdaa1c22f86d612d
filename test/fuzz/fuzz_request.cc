// libFuzzer: whatever a client sends parses alike, whole or in pieces, and no value makes a harmful action.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <policymux/action.h>

#include "base/text.h"
#include "proto/parser.h"
#include "proto/reply.h"

using namespace policymux;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::vector<std::string> requests{};  // as dump() writes them
  std::optional<Malformed> problem{};
  bool operator==(const Outcome&) const = default;
};

std::string dump(const Request& request) {
  std::string out;
  for (std::size_t i = 0; i < request.size(); ++i) {
    out.append(request.name_at(i)).append("=").append(request.value_at(i)).append("\n");
  }
  return out += '\n';
}

// Reads `stream` in pieces of `step` bytes, each into memory of its own.
Outcome parse(std::string_view stream, std::size_t step, const RequestLimits& limits) {
  Outcome outcome;
  RequestParser parser{limits};
  std::vector<char> input;
  while (!stream.empty()) {
    const auto piece = stream.substr(0, step);
    stream.remove_prefix(piece.size());
    input.insert(input.end(), piece.begin(), piece.end());
    input.shrink_to_fit();
    auto status = ParseStatus::complete;
    while (status == ParseStatus::complete && !input.empty()) {
      status = parser.parse({input.data(), input.size()});
      if (status != ParseStatus::complete) break;
      outcome.requests.push_back(dump(parser.request()));
      input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(parser.request().raw().size()));
    }
    if (status == ParseStatus::malformed) {
      outcome.problem = parser.problem();
      return outcome;
    }
  }
  return outcome;
}

// A dump ends each line with LF alone: reading it gives the same again, unless a value ends with a CR.
void check_round_trip(const std::string& dumped) {
  if (dumped.find("\r\n") != dumped.npos) return;
  RequestParser parser{{.max_request_bytes = dumped.size() + 1, .max_attributes = 65535}};
  require(parser.parse(dumped) == ParseStatus::complete);
  require(parser.request().raw().size() == dumped.size());
  require(dump(parser.request()) == dumped);
}

// What was checked is one line of UTF-8, stays as it is when checked again, and survives the wire.
void check_as_action(std::string_view text, bool foreign) {
  const ActionRules rules{.foreign = foreign};
  const auto checked = check_action(text, rules);
  if (!checked) return;
  require(is_utf8(checked->text) && checked->text.find_first_of("\r\n") == std::string::npos);
  const auto again = check_action(checked->text, rules);
  require(again && again->text == checked->text && again->verb == checked->verb);
  require(verb_of(checked->text) == checked->verb);
  std::string wire;
  append_reply(wire, checked->text);
  const auto reply = parse_reply(wire);
  require(reply && reply->extent == wire.size() && reply->action == checked->text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream{reinterpret_cast<const char*>(data), size};
  const std::size_t step = size == 0 ? 1 : 1 + data[0] % 80u;
  for (const RequestLimits& limits : {RequestLimits{}, RequestLimits{.max_request_bytes = 300, .max_attributes = 20}}) {
    const auto whole = parse(stream, size, limits);
    require(parse(stream, step, limits) == whole);
    require(parse(stream, 1, limits) == whole);
    for (const auto& request : whole.requests) check_round_trip(request);
  }
  for (const auto line : split_words(stream, "\n")) {
    check_as_action(line, false);
    check_as_action(line.substr(line.find('=') + 1), true);
  }
  parse_reply(stream);
  return 0;
}
