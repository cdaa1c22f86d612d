#include "upstream/request_text.h"

#include <algorithm>
#include <string_view>

namespace policymux {
namespace {

constexpr std::string_view request_line = "request=smtpd_access_policy\n";

}  // namespace

std::string_view request_text(const Request& request, std::string& rewritten) {
  const auto raw = request.raw();
  const bool has_kind = request.get(Attribute::request).has_value();
  if (has_kind && raw.find('\r') == raw.npos) return raw;  // as Postfix sends it
  rewritten.reserve(raw.size() + request_line.size());
  rewritten = has_kind ? "" : request_line;
  for (std::size_t i = 0; i < request.size(); ++i) {
    rewritten.append(request.name_at(i)).append(1, '=').append(request.value_at(i)).append(1, '\n');
  }
  return rewritten += '\n';
}

std::string request_text(const std::vector<std::string>& attributes) {
  const auto is_request = [](const std::string& attribute) { return attribute.starts_with("request="); };
  std::string out;
  if (std::ranges::none_of(attributes, is_request)) out += request_line;
  for (const auto& attribute : attributes) out.append(attribute).append(1, '\n');
  return out += '\n';
}

}  // namespace policymux
