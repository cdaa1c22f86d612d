// Value files: each is read once, however many acls name it, and not at all if it is known already.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "rule/load.h"
#include "rule/policy.h"

namespace policymux {

// How a test asks its lists; nullopt: their values go to the test itself, like those in policy.conf.
std::optional<ListForm> list_form(const Acl::Test& test);
std::optional<ListForm> list_form(const TextTest& test);
inline constexpr ListForm address_list{.way = Way::address, .folded = false};

class ValueFiles {
 public:
  using Opened = Result<std::shared_ptr<ValueFile>, std::string>;

  // REQUIRES: `files` and `options` outlive it.
  ValueFiles(Files& files, const LoadOptions& options);

  // One more VALUE may name this file: its text is kept until close() was called as often.
  void expect(const std::string& path) { ++users_[path]; }
  // With its text, or with the index of this form. The error is the system's reason; it too is found out once.
  const Opened& open(const std::string& path, const std::optional<ListForm>& form);
  // Nobody else will want the text: it may be drained.
  bool is_last_user(const std::string& path) const { return users_.at(path) == 1 && !options_.keep_texts; }
  void close(const std::string& path);

  // All that could be read, by path.
  std::vector<ValueFilePtr> all() const;

 private:
  Opened find_or_read(const std::string& path);
  Opened read(const std::string& path);

  Files& files_;
  const LoadOptions& options_;
  std::map<std::pair<std::string, Signature>, ValueFilePtr> kept_;
  std::unordered_map<std::string, Opened> known_;
  std::unordered_map<std::string, int> users_;
};

}  // namespace policymux
