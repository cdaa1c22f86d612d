// What policy.conf and its includes said when they were read: a list that changes must not bring in other news.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/disk_files.h"
#include "config/config.h"

namespace policymux {

struct FrozenPolicy {
  Config config;     // it was read with this
  std::string path;  // of policy.conf
  std::map<std::string, Result<std::string, std::string>> files{};  // by path
  std::map<std::string, std::vector<std::string>> globs{};          // by pattern
};

// The disk, on which those lists that are held look as they are in force, whatever has become of them.
class HeldLists : public Files {
 public:
  explicit HeldLists(std::span<const ValueFilePtr> in_force, std::string root = {});
  void hold(const std::string& path) { held_.insert(path); }

  // Of a held list there is nothing to be read.
  Result<ListText, std::string> read_list(const std::string& path) override {
    if (held_.contains(path)) return Unexpected<std::string>{"somebody is writing to it"};
    return disk_.read_list(path);
  }
  std::optional<Signature> signature(const std::string& path) override;
  std::optional<Signature> signature_on_disk(const std::string& path) { return disk_.signature(path); }

 protected:
  DiskFiles disk_;

 private:
  std::map<std::string, std::optional<Signature>> in_force_;  // by path
  std::set<std::string> held_;
};

// ... and remembers the policy's texts.
class FreezingFiles final : public HeldLists {
 public:
  // REQUIRES: `frozen` outlives it.
  FreezingFiles(std::span<const ValueFilePtr> in_force, FrozenPolicy& frozen, std::string root)
      : HeldLists{in_force, std::move(root)}, frozen_{frozen} {}
  Result<std::string, std::string> read(const std::string& path) override {
    return frozen_.files.insert_or_assign(path, disk_.read(path)).first->second;
  }
  std::vector<std::string> glob(const std::string& pattern) override {
    return frozen_.globs.insert_or_assign(pattern, disk_.glob(pattern)).first->second;
  }

 private:
  FrozenPolicy& frozen_;
};

// ... and has the policy's texts from memory.
class FrozenFiles final : public HeldLists {
 public:
  // REQUIRES: `frozen` outlives it.
  FrozenFiles(std::span<const ValueFilePtr> in_force, const FrozenPolicy& frozen)
      : HeldLists{in_force}, frozen_{frozen} {}
  Result<std::string, std::string> read(const std::string& path) override { return frozen_.files.at(path); }
  std::vector<std::string> glob(const std::string& pattern) override { return frozen_.globs.at(pattern); }

 private:
  const FrozenPolicy& frozen_;
};

}  // namespace policymux
