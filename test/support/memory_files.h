// Files that exist in memory only, for the room `rule`.
#pragma once

#include <fnmatch.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rule/load.h"

namespace policymux {

class MemoryFiles final : public Files {
 public:
  using Texts = std::map<std::string, std::string>;

  MemoryFiles() = default;
  explicit MemoryFiles(Texts files) : texts{std::move(files)} {}

  // Several files in one text: the first one is `first`, and each line "#--- PATH" begins another.
  static MemoryFiles from_bundle(std::string_view bundle, std::string first = "policy.conf") {
    static constexpr std::string_view mark = "#--- ";
    MemoryFiles out;
    auto* text = &out.texts[std::move(first)];
    while (!bundle.empty()) {
      const auto line = bundle.substr(0, bundle.find('\n') + 1);
      const auto whole = line.empty() ? bundle : line;  // the last line may lack its end
      bundle.remove_prefix(whole.size());
      if (whole.starts_with(mark)) {
        text = &out.texts[std::string{whole.substr(mark.size(), whole.find('\n') - mark.size())}];
      }
      else text->append(whole);
    }
    return out;
  }

  Result<std::string, std::string> read(const std::string& path) override {
    ++reads[path];
    const auto found = texts.find(path);
    if (found == texts.end()) return Unexpected{std::string{"No such file or directory"}};
    return found->second;
  }

  std::vector<std::string> glob(const std::string& pattern) override {
    std::vector<std::string> out;
    for (const auto& [path, text] : texts) {
      if (fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0) out.push_back(path);
    }
    return out;
  }

  Texts texts;                        // by path; a map sorts bytewise
  std::map<std::string, int> reads;   // how often each was asked for
};

}  // namespace policymux
