// How many processors the control groups of a process allow, from files as the system shows them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "check.h"
#include "runtime/cpu.h"

namespace chainrule {
namespace {

namespace fs = std::filesystem;

// The files of an imaginary system, which are removed afterwards.
class Groups {
 public:
  Groups() {
    std::string name = (fs::temp_directory_path() / "chainrule-groups-XXXXXX").string();
    root_ = mkdtemp(name.data()) ? name : "";
  }
  ~Groups() {
    if (!root_.empty()) fs::remove_all(root_);
  }
  Groups& with(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text << "\n";
    return *this;
  }
  int cpus(int most) const { return quota_cpus(root_, most); }

 private:
  std::string root_;
};

}  // namespace

void test_quotas() {
  CHECK(Groups().cpus(8) == 8);
  Groups none;
  none.with("/proc/self/cgroup", "0::/").with("/sys/fs/cgroup/cpu.max", "max 100000");
  CHECK(none.cpus(8) == 8);
  Groups container;
  container.with("/proc/self/cgroup", "0::/").with("/sys/fs/cgroup/cpu.max", "150000 100000");
  CHECK(container.cpus(8) == 2);
  CHECK(container.cpus(1) == 1);
  Groups service;
  service.with("/proc/self/cgroup", "0::/system.slice/train.service")
      .with("/sys/fs/cgroup/system.slice/train.service/cpu.max", "400000 100000");
  CHECK(service.cpus(8) == 4);
  service.with("/sys/fs/cgroup/system.slice/cpu.max", "50000 100000");
  CHECK(service.cpus(8) == 1);
  Groups first;
  first.with("/proc/self/cgroup", "9:name=systemd:/\n4:cpu,cpuacct:/docker/1\n2:cpuset:/\n0::/")
      .with("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "250000")
      .with("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000");
  CHECK(first.cpus(8) == 3);
  first.with("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "-1");
  CHECK(first.cpus(8) == 8);
}

}  // namespace chainrule
