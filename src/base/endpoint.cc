#include "base/endpoint.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/un.h>

#include <algorithm>

#include "base/text.h"

namespace policymux {

namespace {

constexpr std::size_t path_limit = sizeof(sockaddr_un{}.sun_path) - 1;

Unexpected<std::string> refused(std::string_view text, std::string_view why) {
  return {fmt::format("\"{}\": {}", text, why)};
}

bool is_ipv6(std::string_view text) {
  in6_addr address;
  return ::inet_pton(AF_INET6, std::string{text}.c_str(), &address) == 1;
}

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '.' || c == '-' || c == '_';
  });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number < 1 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

Result<Endpoint, std::string> parse_local(std::string_view text, std::string_view path) {
  if (path.empty()) return refused(text, "want a path, as in unix:/run/policymux/socket");
  if (path.size() > path_limit) return refused(text, fmt::format("a socket's path has at most {} bytes", path_limit));
  return Endpoint{.kind = Endpoint::Kind::local, .path = std::string{path}};
}

// `rest` is what follows "inet:"; `text` the whole, for the error.
Result<Endpoint, std::string> parse_inet(std::string_view text, std::string_view rest) {
  const auto colon = rest.rfind(':');
  const auto port = parse_port(colon == rest.npos ? rest : rest.substr(colon + 1));
  if (!port) return refused(text, "want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001");
  if (colon == rest.npos) return Endpoint{.port = *port};

  auto host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return refused(text, "want an IPv6 address between the brackets");
  } else if (is_ipv6(host)) {
    return refused(text, fmt::format("an IPv6 address stands in brackets: inet:[{}]:{}", host, *port));
  } else if (!is_host(host)) {
    return refused(text, "want inet:host:port, inet:port (every address) or unix:/path");
  }
  return Endpoint{.host = std::string{host}, .port = *port};
}

bool is_any(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

bool is_loopback(std::string_view host) {
  in_addr v4;
  if (::inet_pton(AF_INET, std::string{host}.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return iequals(host, "localhost") || host == "::1";
}

// May the name localhost stand for it?
bool is_localhost(std::string_view host) {
  return iequals(host, "localhost") || host == "127.0.0.1" || host == "::1";
}

}  // namespace

Result<Endpoint, std::string> parse_endpoint(std::string_view text) {
  if (text.starts_with("unix:")) return parse_local(text, text.substr(5));
  if (text.starts_with("inet:")) return parse_inet(text, text.substr(5));
  if (text.find(':') == text.npos) return refused(text, "want inet:host:port, inet:port or unix:/path");
  return parse_inet(text, text);
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::local) return "unix:" + endpoint.path;
  if (endpoint.host.empty()) return fmt::format("inet:{}", endpoint.port);
  if (endpoint.host.find(':') != endpoint.host.npos) return fmt::format("inet:[{}]:{}", endpoint.host, endpoint.port);
  return fmt::format("inet:{}:{}", endpoint.host, endpoint.port);
}

bool reaches(const Endpoint& target, const Endpoint& listener) {
  if (target.kind != listener.kind || target.port != listener.port) return false;
  if (target.kind == Endpoint::Kind::local) return target.path == listener.path;
  if (iequals(target.host, listener.host)) return true;
  if (is_any(listener.host)) return is_any(target.host) || is_loopback(target.host);
  if (is_any(target.host) || iequals(target.host, "localhost")) return is_localhost(listener.host);
  return iequals(listener.host, "localhost") && is_localhost(target.host);
}

}  // namespace policymux
