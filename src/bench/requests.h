// What the load generator sends: requests rendered beforehand, so that sending one costs nothing but the sending.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <policymux/request.h>
#include <policymux/result.h>

namespace policymux {

// Whole requests, each with its closing empty line, one after the other in one piece of memory.
class RequestPool {
 public:
  void add(std::string_view request);
  // Makes it one about another message: counts its `instance` up, whose size stays. Without one it stays what it is.
  void renew(std::size_t i);
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const {
    const auto begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view{text_}.substr(begin, ends_[i] - begin);
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
  std::vector<std::size_t> instance_ends_;  // 0: it has none
};

// A question at RCPT TO with the attributes of a Postfix 3.8, in its order. What is the same in most mail is filled
// in, everything else is empty until it is set.
class RequestForm {
 public:
  RequestForm();
  void set(Attribute attribute, std::string text) { values_[static_cast<std::size_t>(attribute)] = std::move(text); }
  std::string render() const;

 private:
  std::array<std::string, attribute_count> values_;
};

// RequestForms. The same seed gives the same requests, on every machine. They vary like this, evenly and independently:
//   sender, recipient  userN@dM.example, N and M below 1000; one sender in 16 is empty
//   client_address     10.A.B.C, one in 8 2001:db8:A::B
//   client_name, helo  mailN.dM.example
//   size               below 2 MB
RequestPool generate_requests(std::uint64_t seed, std::size_t count);

// The requests of a file as it would be sent, empty lines between them. The error says what is wrong with it.
Result<RequestPool, std::string> read_requests(const std::string& path);

}  // namespace policymux
