#include "bench/requests.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace policymux {
namespace {

constexpr std::pair<Attribute, std::string_view> constants[] = {
    {Attribute::request, "smtpd_access_policy"},
    {Attribute::protocol_state, "RCPT"},
    {Attribute::protocol_name, "ESMTP"},
    {Attribute::server_address, "192.0.2.25"},
    {Attribute::server_port, "25"},
    {Attribute::recipient_count, "0"},
    {Attribute::encryption_protocol, "TLSv1.3"},
    {Attribute::encryption_cipher, "TLS_AES_256_GCM_SHA384"},
    {Attribute::encryption_keysize, "256"},
    {Attribute::compatibility_level, "3.6"},
    {Attribute::mail_version, "3.8.6"},
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_{seed} {}

  std::string next() {
    const auto host = fmt::format("mail{}.d{}.example", below(1000), below(1000));
    form_.set(Attribute::client_address, address());
    form_.set(Attribute::client_name, host);
    form_.set(Attribute::client_port, std::to_string(1024 + below(60000)));
    form_.set(Attribute::reverse_client_name, host);
    form_.set(Attribute::helo_name, host);
    form_.set(Attribute::sender, below(16) == 0 ? std::string{} : mailbox());
    form_.set(Attribute::recipient, mailbox());
    form_.set(Attribute::instance, fmt::format("{:x}.{:x}.{:x}.0", below(1 << 16), below(1u << 31), below(1 << 20)));
    form_.set(Attribute::size, std::to_string(below(2'000'000)));
    return form_.render();
  }

 private:
  // Not std::uniform_int_distribution: its numbers differ from library to library.
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::string mailbox() {
    const auto user = below(1000);
    return fmt::format("user{}@d{}.example", user, below(1000));
  }
  std::string address() {
    const auto a = below(256), b = below(256), c = below(256);
    return below(8) == 0 ? fmt::format("2001:db8:{:x}::{:x}", a, b) : fmt::format("10.{}.{}.{}", a, b, c);
  }

  std::mt19937_64 random_;
  RequestForm form_;
};

}  // namespace

void RequestPool::add(std::string_view request) {
  constexpr std::string_view name = "\ninstance=";
  const auto found = request.find(name);
  instance_ends_.push_back(found == request.npos ? 0 : text_.size() + request.find('\n', found + 1));
  text_ += request;
  ends_.push_back(text_.size());
}

// The digits count like one number's, whatever stands between them.
void RequestPool::renew(std::size_t i) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (auto at = instance_ends_[i]; at > 0 && text_[at - 1] != '='; --at) {
    auto& c = text_[at - 1];
    const auto value = digits.find(c);
    if (value == digits.npos) continue;
    c = digits[(value + 1) % digits.size()];
    if (c != '0') return;
  }
}

RequestForm::RequestForm() {
  for (const auto& [attribute, text] : constants) set(attribute, std::string{text});
}

std::string RequestForm::render() const {
  std::string text;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Attribute::tls_sni); ++i) {
    text.append(attribute_name(static_cast<Attribute>(i))).append("=").append(values_[i]).append("\n");
  }
  return text += '\n';
}

RequestPool generate_requests(std::uint64_t seed, std::size_t count) {
  RequestPool pool;
  Generator generator{seed};
  while (pool.size() < count) pool.add(generator.next());
  return pool;
}

Result<RequestPool, std::string> read_requests(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) return Unexpected{fmt::format("{}: {}", path, std::strerror(errno))};
  RequestPool pool;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find("\n\n");
    if (end == rest.npos) return Unexpected{fmt::format("{}: the last request has no empty line at its end", path)};
    pool.add(rest.substr(0, end + 2));
    rest.remove_prefix(end + 2);
  }
  if (pool.size() == 0) return Unexpected{fmt::format("{}: holds no request", path)};
  return pool;
}

}  // namespace policymux
