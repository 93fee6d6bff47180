using Culvert.Interop.Bpf;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Bpf;

public sealed class KernelFeaturesTests
{
    [Fact]
    public void EveryFeatureIsProbedOnceAndExplained()
    {
        Requires.Root();
        IReadOnlyList<KernelFeature> features = KernelFeatures.ProbeAll();
        Assert.Equal(["kernel-version", "capabilities", "btf", "bpffs", "ringbuf", "tcx", "sk_assign", "redirect_peer", "live_frames"], features.Select(f => f.Name));
        Assert.All(features, f => Assert.NotEmpty(f.Detail));
        Assert.All(features.Where(f => f.Name is "kernel-version" or "capabilities" or "ringbuf" or "sk_assign" or "redirect_peer"), f => Assert.True(f.Present, f.Detail));
    }
}
