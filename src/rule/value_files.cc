#include "rule/value_files.h"

#include <algorithm>
#include <utility>

#include "rule/source.h"

namespace policymux {
namespace {

bool serves(const ValueFile& file, const std::optional<ListForm>& form) {
  return file.has_text() || (form && file.index(*form) != nullptr);
}

}  // namespace

std::optional<ListForm> list_form(const TextTest& test) {
  const auto form = [&](Way way) {
    return ListForm{way, !test.case_sensitive, way == Way::exact && exact_text(test.source, "<>").empty()};
  };
  switch (test.match) {
    case TextMatch::exact: return form(Way::exact);
    case TextMatch::domain: return form(Way::domain);
    case TextMatch::prefix: return form(Way::prefix);
    case TextMatch::suffix: return form(Way::suffix);
    case TextMatch::regex: case TextMatch::glob: case TextMatch::substring: break;  // they join one automaton
  }
  return std::nullopt;
}

std::optional<ListForm> list_form(const Acl::Test& test) {
  if (const auto* text = std::get_if<TextTest>(&test)) return list_form(*text);
  if (std::holds_alternative<AddressTest>(test)) return address_list;
  return std::nullopt;
}

ValueFiles::ValueFiles(Files& files, const LoadOptions& options) : files_{files}, options_{options} {
  for (const auto& file : options.lists) {
    if (file->signature()) kept_.emplace(std::pair{file->path(), *file->signature()}, file);
  }
}

const ValueFiles::Opened& ValueFiles::open(const std::string& path, const std::optional<ListForm>& form) {
  const auto [at, added] = known_.emplace(path, Unexpected{std::string{}});
  auto& known = at->second;
  if (added) known = find_or_read(path);
  if (known && !serves(**known, form)) {
    auto fresh = read(path);
    if (fresh && (*fresh)->signature() && (*fresh)->signature() == (*known)->signature()) (*fresh)->take_over(**known);
    known = std::move(fresh);
  }
  if (!form) users_[path] = 0;  // its text is needed for good: close() never comes to 0 again
  return known;
}

void ValueFiles::close(const std::string& path) {
  const auto& known = known_.at(path);
  const bool was_last = is_last_user(path);
  --users_[path];
  if (was_last && known) (*known)->forget_text();
}

std::vector<ValueFilePtr> ValueFiles::all() const {
  std::vector<ValueFilePtr> out;
  for (const auto& [path, file] : known_) {
    if (file) out.push_back(*file);
  }
  std::ranges::sort(out, {}, &ValueFile::path);
  return out;
}

ValueFiles::Opened ValueFiles::find_or_read(const std::string& path) {
  if (const auto signature = files_.signature(path)) {
    const auto kept = kept_.find({path, *signature});
    if (kept != kept_.end()) return std::make_shared<ValueFile>(*kept->second);
  }
  return read(path);
}

ValueFiles::Opened ValueFiles::read(const std::string& path) {
  auto list = files_.read_list(path);
  if (!list) return Unexpected{std::move(list).error()};
  return std::make_shared<ValueFile>(path, *std::move(list));
}

}  // namespace policymux
