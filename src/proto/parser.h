// From bytes to requests, in one pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <policymux/request.h>

namespace policymux {

struct RequestLimits {
  std::size_t max_request_bytes = 64 * 1024;  // the closing empty line included; below 4 GiB
  std::size_t max_attributes = 256;           // repeated ones included; at most 65535
};

// What makes a request malformed. There is no way to go on after it: the stream has lost its shape.
enum class Malformed : std::uint8_t {
  nul_byte, no_equals_sign, empty_name, too_long, too_many_attributes, empty_request,
};
std::string_view to_string(Malformed reason);  // "line without '='", for a log line

enum class ParseStatus : std::uint8_t { complete, incomplete, malformed };

// Cuts requests off a stream that arrives in pieces: `name=value` lines up to an empty line. The first '='
// splits; one CR before a line's LF is dropped. Every byte is looked at once, however small the pieces are.
//   Owns    the attribute table of its request, but no input. A copy goes on where the original stands.
//   Cost    31 attributes (700 bytes) in at most 350 ns; no allocation once the table has grown.
class RequestParser {
 public:
  explicit RequestParser(const RequestLimits& limits = {});

  // `input` begins where the request under way begins (the bytes given before, wherever they live now, and
  // what came since) and may go on beyond its end. After `complete`, request() is it and request().raw()
  // what it took of `input`; after `malformed`, problem() is the reason. The next call begins a new one.
  ParseStatus parse(std::string_view input);

  // Forgets the request under way: the next call begins a new one.
  void restart() { under_way_ = false; }

  // Refers to the `input` that was last given. REQUIRES: parse() said `complete`.
  Request& request() { return request_; }
  // REQUIRES: parse() said `malformed`.
  Malformed problem() const { return problem_; }

 private:
  void begin();
  ParseStatus parse_block(std::string_view input, std::uint32_t size);
  ParseStatus end_line(std::string_view input, std::uint32_t newline_at);
  ParseStatus end_request(std::uint32_t end);
  ParseStatus add_unexpected(std::string_view input, std::uint32_t line_at, std::uint32_t end);
  ParseStatus add(const Request::Field& field, std::optional<Attribute> known);
  ParseStatus fail(Malformed reason);

  RequestLimits limits_;
  Request request_;
  bool under_way_ = false;
  Malformed problem_{};
  std::uint32_t scanned_ = 0;  // bytes looked at
  std::uint32_t line_at_ = 0;  // where the line under way begins

  // Which attribute came after which the last time (at first: the order in which Postfix sends them), so that
  // a line costs one comparison. Indexed by the attribute before; the last place is for the first of all.
  std::array<Attribute, attribute_count + 1> follower_;
  std::size_t previous_ = attribute_count;
};

}  // namespace policymux
