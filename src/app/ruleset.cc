#include "app/ruleset.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "app/value_checks.h"
#include "rule/load.h"

namespace policymux {
namespace {

namespace fs = std::filesystem;

// nullopt: it lies outside.
std::optional<std::string> path_inside(const fs::path& chroot, const fs::path& path) {
  if (chroot.empty()) return std::nullopt;
  const auto below = path.lexically_normal().lexically_relative(chroot);
  if (below.empty() || *below.begin() == "..") return std::nullopt;
  return ("/" / below).string();
}

// Empty: none, or not on this machine.
std::string chroot_of(const Config& config) {
  std::error_code missing;
  const auto directory = fs::canonical(config.main.chroot, missing);
  return missing || directory == "/" ? std::string{} : directory.string();
}

Origins with_policy_inside(Origins origins, const Config& config) {
  origins.chroot = chroot_of(config);
  std::error_code unknown_directory;
  if (!origins.policy.empty() && !origins.chroot.empty()) {
    const auto path = fs::absolute(origins.policy, unknown_directory);
    if (!unknown_directory) origins.policy = path.string();
  }
  return origins;
}

template <class Named>
std::vector<std::string> names(const std::vector<Named>& all) {
  std::vector<std::string> out;
  for (const auto& one : all) out.push_back(one.name);
  return out;
}

// A group is there when it has a section or a service.
std::vector<std::string> group_names(const Config& config) {
  auto groups = names(config.groups);
  for (const auto& service : config.services) groups.push_back(service.group);
  return groups;
}

LoadOptions load_options(const Config& config) {
  return {.restriction_classes = config.main.restriction_classes,
          .recipient_delimiter = config.main.recipient_delimiter,
          .built_in = built_in_questions,
          .groups = group_names(config),
          .tables = names(config.tables),
          .keep_texts = false};
}

// Loads and compiles what is at `path`.
void load_into(Ruleset& out, Files& files, const std::string& path, const LoadOptions& options) {
  auto loaded = load_policy(files, path, options);
  std::ranges::move(loaded.diagnostics, std::back_inserter(out.diagnostics));
  out.policy = std::move(loaded.policy);
  if (!out.policy) return;
  auto table = compile(*out.policy);
  if (table) out.table = *std::move(table);
  else out.diagnostics.push_back({.what = {.file = path, .text = std::move(table).error()}});
}

// Loads the policy in force with lists that have changed; those that turn out bad are held, and it is loaded again.
class ListUpdater {
 public:
  ListUpdater(const FrozenPolicy& frozen, const Table& in_force, const ChangedLists& changed)
      : frozen_{frozen},
        files_{in_force.lists, frozen},
        lists_{in_force.lists},
        options_{load_options(frozen.config)} {
    for (const auto& list : in_force.lists) look_at(*list, changed);
  }

  ListUpdate run() {
    while (!asked_.empty()) {
      options_.lists = lists_;
      const auto loaded = load_policy(files_, frozen_.path, options_);
      if (!hold_flawed(loaded)) {
        finish(loaded);
        break;
      }
      lists_.insert(lists_.end(), loaded.lists.begin(), loaded.lists.end());  // the good ones need not be read again
    }
    return std::move(out_);
  }

 private:
  using What = ListNews::What;

  void look_at(const ValueFile& list, const ChangedLists& changed) {
    const auto& path = list.path();
    if (changed.whole.contains(path)) {
      const auto signature = files_.signature_on_disk(path);
      if (signature != list.signature()) {
        asked_.emplace(path, signature);
        if (list.size() == 0) empty_.insert(path);
        return;
      }
      tell(path, What::unchanged, {});
    } else if (changed.unfinished.contains(path) && list.size() > 0) {
      const auto signature = files_.signature_on_disk(path);
      if (signature && signature->size == 0) tell(path, What::failed, no_values);
    }
    files_.hold(path);
  }

  // True: there was one that is not held yet.
  bool hold_flawed(const Loaded& loaded) {
    bool any = false;
    for (const auto& [path, why] : loaded.flawed_lists) {
      const auto asked = asked_.find(path);
      if (asked == asked_.end()) continue;
      if (why.empty() && empty_.contains(path)) continue;  // it had no values before
      if (files_.signature_on_disk(path) != asked->second) out_.restless.insert(path);
      else tell(path, What::failed, why.empty() ? no_values : why);
      files_.hold(path);
      asked_.erase(asked);
      any = true;
    }
    return any;
  }

  void finish(const Loaded& loaded) {
    auto table = loaded.policy ? compile(*loaded.policy) : Unexpected{first_error(loaded)};
    for (const auto& [path, signature] : asked_) {
      const auto list = std::ranges::find(loaded.lists, path, &ValueFile::path);
      if (table) tell(path, What::read, fmt::format("{} value{}", (*list)->size(), (*list)->size() == 1 ? "" : "s"));
      else tell(path, What::failed, table.error());
    }
    if (table) out_.table = *std::move(table);
  }

  static std::string first_error(const Loaded& loaded) {
    const auto error = std::ranges::find(loaded.diagnostics, Severity::error, &Diagnostic::severity);
    return error == loaded.diagnostics.end() ? std::string{} : summary(*error);
  }

  void tell(const std::string& path, What what, std::string text) {
    out_.news.push_back({.path = path, .what = what, .text = std::move(text)});
  }

  static constexpr const char* no_values = "it has no values";

  const FrozenPolicy& frozen_;
  FrozenFiles files_;
  std::vector<ValueFilePtr> lists_;
  LoadOptions options_;
  std::map<std::string, std::optional<Signature>> asked_;  // lists to read again, with what they look like now
  std::set<std::string> empty_;                            // of these, those without values in force
  ListUpdate out_;
};

}  // namespace

std::string policy_path(const Origins& origins, const Config& config) {
  const auto& path = origins.policy.empty() ? config.main.policy_path : origins.policy;
  return path_inside(origins.chroot, path).value_or(path);
}

Origins inside_chroot(Origins origins, const Config& config) {
  auto inside = with_policy_inside(std::move(origins), config);
  if (inside.chroot.empty() || !inside.config) return inside;
  std::error_code missing;
  const auto path = path_inside(inside.chroot, fs::canonical(inside.config->path, missing));
  if (path) inside.config->path = *path;
  else inside.settings = config;
  return inside;
}

std::optional<Config> read_config(const Origins& origins, Diagnostics& diagnostics) {
  if (origins.settings) return origins.settings;
  return origins.config ? load_config(*origins.config, diagnostics, value_checks()) : default_config();
}

Ruleset read_ruleset(const Origins& where, Config config, const Reading& reading) {
  Ruleset out;
  const auto origins = reading.as_in_chroot ? with_policy_inside(where, config) : where;
  auto frozen = std::make_shared<FrozenPolicy>(FrozenPolicy{.config = config, .path = policy_path(origins, config)});
  FreezingFiles files{reading.lists, *frozen, reading.as_in_chroot ? origins.chroot : std::string{}};
  for (const auto& path : reading.held) files.hold(path);
  auto options = load_options(config);
  options.lists = reading.lists;
  options.keep_texts = reading.keep_list_texts;
  options.progress = reading.progress;
  load_into(out, files, frozen->path, options);
  out.config = std::move(config);
  out.frozen = std::move(frozen);
  return out;
}

Ruleset read_ruleset(Files& files, const std::string& path, Config config) {
  Ruleset out;
  load_into(out, files, path, load_options(config));
  out.config = std::move(config);
  return out;
}

ListUpdate update_lists(const FrozenPolicy& frozen, const Table& in_force, const ChangedLists& changed) {
  return ListUpdater{frozen, in_force, changed}.run();
}

}  // namespace policymux
