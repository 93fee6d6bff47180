using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Tests.Datapath.Inside;

/// <summary>Names of pods' control groups, as the drivers of kubelets give them.</summary>
public sealed class PodCgroupTests
{
    private const string Uid = "2af1f6a2-91c1-4d57-8f0a-0d1c4be0a7d1", Underscores = "2af1f6a2_91c1_4d57_8f0a_0d1c4be0a7d1", Other = "9bb81b2e-5b1f-44a6-9f4b-3f2a7f2f9f10";

    [Theory]
    [InlineData("cgroupfs, version 1", $"9:name=systemd:/\n8:pids:/kubepods/burstable/pod{Uid}/8d3c\n7:cpu,cpuacct:/kubepods/burstable/pod{Uid}/8d3c\n", Uid)]
    [InlineData("cgroupfs, version 2", $"0::/kubepods/pod{Uid}/8d3c\n", Uid)]
    [InlineData("systemd", $"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{Underscores}.slice/cri-containerd-8d3c.scope\n", Uid)]
    [InlineData("systemd within kind", $"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{Underscores}.slice/cri-containerd-8d3c.scope\n", Uid)]
    [InlineData("seen from the agent's own cgroup namespace", $"0::/../../../besteffort/pod{Uid}/8d3c\n", Uid)]
    [InlineData("the pod itself", $"0::/kubepods/pod{Uid}", Uid)]
    [InlineData("a group of the pod's own", $"0::/kubepods/pod{Uid}/8d3c/pod{Other}\n", Uid)]
    [InlineData("a group of the pod's own, by systemd", $"0::/kubepods-pod{Underscores}.slice/x-pod{Other}.slice\n", Uid)]
    [InlineData("a static pod, by a hash", "0::/kubepods/burstable/pod6a1c1b9f0c1d4e0f8a7b6c5d4e3f2a1b/8d3c\n", "6a1c1b9f0c1d4e0f8a7b6c5d4e3f2a1b")]
    [InlineData("a service of the node", "0::/system.slice/containerd.service\n", null)]
    [InlineData("a name that only begins like it", $"0::/kubepods/pod{Uid}0/8d3c\n", null)]
    [InlineData("nothing", "", null)]
    public void PodOfIsTheOutermostThatIsNamed(string what, string text, string? uid) => Assert.True(PodCgroup.Parse(text) == uid, $"{what}: {PodCgroup.Parse(text)}");
}
