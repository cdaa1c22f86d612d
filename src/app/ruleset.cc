#include "app/ruleset.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "app/value_checks.h"
#include "base/text.h"
#include "rule/load.h"

namespace policymux {
namespace {

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

LoadOptions load_options(const Config& config, std::span<const QuestionKind> built_in) {
  return {.restriction_classes = config.main.restriction_classes,
          .recipient_delimiter = config.main.recipient_delimiter,
          .built_in = built_in,
          .groups = group_names(config),
          .tables = names(config.tables),
          .keep_texts = false};
}

// Loads the policy in force with lists that have changed; those that turn out bad are held, and it is loaded again.
class ListUpdater {
 public:
  ListUpdater(const Table& in_force, const PolicyTexts& texts, LoadOptions options, std::string policy_path,
              const std::set<std::string>& changed)
      : files_{in_force.lists, texts},
        lists_{in_force.lists},
        options_{std::move(options)},
        policy_path_{std::move(policy_path)} {
    for (const auto& list : in_force.lists) watch(*list, changed.contains(list->path()));
  }

  ListUpdate run() {
    if (asked_.empty()) return std::move(out_);
    while (true) {
      options_.lists = lists_;
      const auto loaded = load_policy(files_, policy_path_, options_);
      if (!hold_flawed(loaded)) return finish(loaded);
      lists_.insert(lists_.end(), loaded.lists.begin(), loaded.lists.end());  // the good ones need not be read again
    }
  }

 private:
  void watch(const ValueFile& list, bool has_changed) {
    const auto signature = files_.signature_on_disk(list.path());
    if (!has_changed || signature == list.signature()) return files_.hold(list.path());
    asked_.emplace(list.path(), signature);
    if (list.size() == 0) empty_.insert(list.path());
  }

  // True: there was one that is not held yet.
  bool hold_flawed(const Loaded& loaded) {
    bool any = false;
    for (const auto& path : loaded.flawed_lists) {
      const auto asked = asked_.find(path);
      if (asked == asked_.end()) continue;
      auto why = reason(loaded, path);
      if (why.empty() && empty_.contains(path)) continue;  // it had no values before
      if (files_.signature_on_disk(path) != asked->second) out_.restless.insert(path);
      else out_.news.push_back({path, why.empty() ? "it has no values" : std::move(why), true});
      files_.hold(path);
      asked_.erase(asked);
      any = true;
    }
    return any;
  }

  // The first error about it; none: it is empty.
  static std::string reason(const Loaded& loaded, const std::string& path) {
    for (const auto& told : loaded.diagnostics) {
      if (told.severity != Severity::error) continue;
      if (told.what.file == path || told.what.text.starts_with("cannot read " + in_quotes(path))) return summary(told);
    }
    return {};
  }

  ListUpdate finish(const Loaded& loaded) {
    if (asked_.empty()) return std::move(out_);
    auto table = loaded.policy ? compile(*loaded.policy) : Unexpected{first_error(loaded)};
    for (const auto& [path, signature] : asked_) {
      const auto list = std::ranges::find(loaded.lists, path, &ValueFile::path);
      if (!table) out_.news.push_back({path, table.error(), true});
      else out_.news.push_back({path, fmt::format("{} values, read again", (*list)->size())});
    }
    if (table) out_.table = *std::move(table);
    return std::move(out_);
  }

  static std::string first_error(const Loaded& loaded) {
    const auto error = std::ranges::find(loaded.diagnostics, Severity::error, &Diagnostic::severity);
    return error == loaded.diagnostics.end() ? std::string{} : summary(*error);
  }

  RememberedFiles files_;
  std::vector<ValueFilePtr> lists_;
  LoadOptions options_;
  std::string policy_path_;
  std::map<std::string, std::optional<std::string>> asked_;  // lists to read again, with what they look like now
  std::set<std::string> empty_;                              // of these, those without values in force
  ListUpdate out_;
};

}  // namespace

std::string policy_path(const Origins& origins, const Config& config) {
  return origins.policy.empty() ? config.main.policy_path : origins.policy;
}

std::optional<Config> read_config(const Origins& origins, Diagnostics& diagnostics) {
  return origins.config ? load_config(*origins.config, diagnostics, value_checks()) : default_config();
}

Ruleset read_ruleset(const Origins& origins, Config config, const Reading& reading) {
  Ruleset out;
  RememberingFiles files{reading.lists};
  for (const auto& path : reading.restless) files.hold(path);
  auto options = load_options(config, reading.built_in);
  options.lists = reading.lists;
  options.keep_texts = reading.keep_list_texts;
  options.progress = reading.progress;
  const auto path = policy_path(origins, config);
  auto loaded = load_policy(files, path, options);
  out.texts = std::make_shared<const PolicyTexts>(files.take_texts());
  std::ranges::move(loaded.diagnostics, std::back_inserter(out.diagnostics));
  out.config = std::move(config);
  out.policy = std::move(loaded.policy);
  if (!out.policy) return out;
  auto table = compile(*out.policy);
  if (table) out.table = *std::move(table);
  else out.diagnostics.push_back({.what = {.file = path, .text = std::move(table).error()}});
  return out;
}

ListUpdate update_lists(const Origins& origins, const Config& config, const PolicyTexts& texts, const Table& in_force,
                        std::span<const QuestionKind> built_in, const std::set<std::string>& changed) {
  return ListUpdater{in_force, texts, load_options(config, built_in), policy_path(origins, config), changed}.run();
}

}  // namespace policymux
