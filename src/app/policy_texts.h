// What policy.conf and its includes said when they were read: a list that changes must not bring in other news.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "app/disk_files.h"

namespace policymux {

struct PolicyTexts {
  std::map<std::string, Result<std::string, std::string>> files;
  std::map<std::string, std::vector<std::string>> globs;
};

// The disk, with lists that are seen as they are in force, whatever has become of them.
class HeldLists : public Files {
 public:
  explicit HeldLists(std::span<const ValueFilePtr> in_force);
  void hold(const std::string& path) { held_.insert(path); }

  Result<ListText, std::string> read_list(const std::string& path) override { return disk_.read_list(path); }
  std::optional<std::string> signature(const std::string& path) override;
  // Of what is on the disk now.
  std::optional<std::string> signature_on_disk(const std::string& path) { return disk_.signature(path); }

 protected:
  DiskFiles disk_;

 private:
  std::map<std::string, std::string> in_force_;  // path to signature
  std::set<std::string> held_;
};

// ... and remembers the policy's texts.
class RememberingFiles final : public HeldLists {
 public:
  using HeldLists::HeldLists;
  Result<std::string, std::string> read(const std::string& path) override {
    return texts_.files.insert_or_assign(path, disk_.read(path)).first->second;
  }
  std::vector<std::string> glob(const std::string& pattern) override {
    return texts_.globs.insert_or_assign(pattern, disk_.glob(pattern)).first->second;
  }
  PolicyTexts take_texts() { return std::move(texts_); }

 private:
  PolicyTexts texts_;
};

// ... and has the policy's texts from memory.
class RememberedFiles final : public HeldLists {
 public:
  // REQUIRES: `texts` outlives it.
  RememberedFiles(std::span<const ValueFilePtr> in_force, const PolicyTexts& texts)
      : HeldLists{in_force}, texts_{texts} {}
  Result<std::string, std::string> read(const std::string& path) override { return texts_.files.at(path); }
  std::vector<std::string> glob(const std::string& pattern) override { return texts_.globs.at(pattern); }

 private:
  const PolicyTexts& texts_;
};

}  // namespace policymux
