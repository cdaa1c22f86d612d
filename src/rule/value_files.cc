#include "rule/value_files.h"

#include <utility>

namespace policymux {

const Result<ValueFilePtr, std::string>& ValueFiles::get(const std::string& path) {
  if (const auto known = known_.find(path); known != known_.end()) return known->second;
  auto text = files_.read(path);
  if (!text) return known_.emplace(path, Unexpected{std::move(text).error()}).first->second;
  ValueFilePtr file = std::make_shared<const ValueFile>(path, *std::move(text));
  return known_.emplace(path, std::move(file)).first->second;
}

}  // namespace policymux
