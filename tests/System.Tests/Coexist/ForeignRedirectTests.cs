using System.Text;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Coexist;

/// <summary>
/// Where pods are captured at the host's end of their links only, one at whose interface an engine redirects by itself, as Cilium does, can't be captured. It leaves the mesh for all nodes, so that whoever reached it before does so ever after.
/// </summary>
public sealed class ForeignRedirectTests
{
    internal const string Foreign = "cil_fromnet";
    private const string Own = "cv_from_net";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60); // agents look every 30 s

    [Fact]
    public async Task A_pod_that_cant_be_captured_is_reached_as_without_the_mesh_until_it_can_be()
    {
        await using var lab = await CoexistLab.CreateAsync(new MeshLabOptions { Capture = "host" });
        var probes = lab.PodToPod();
        await CoexistLab.AssertAsync("before pods are enrolled", probes);
        using (AttachAt(lab.Far))
        {
            await lab.EnrolAsync();
            await LabWait.UntilAsync("far is refused", async () => (await lab.Mesh.Nodes[1].StatusAsync()).Workloads.SingleOrDefault()?.Error.Contains(Foreign, StringComparison.Ordinal) == true, Deadline);
            await LabWait.UntilAsync("node1 takes far for a pod outside the mesh", async () => !await lab.IsTunnelledAsync(lab.Client, lab.Far), Deadline);
            await CoexistLab.AssertAsync("with far refused", probes);
            await lab.RestartAsync();
            await CoexistLab.AssertAsync("after a restart of the agents", probes);
            Assert.False(await lab.IsTunnelledAsync(lab.Client, lab.Far));
        }

        await LabWait.UntilAsync("far is in the mesh", async () => await lab.IsTunnelledAsync(lab.Client, lab.Far) && (await lab.Mesh.Nodes[1].StatusAsync()).Workloads.Single() is { Error: "", Interface: not "" }, Deadline);
        await CoexistLab.AssertAsync("with far in the mesh", probes);
        await lab.AssertMeshedAsync();
    }

    // Which names programs have is all that tells whose they are.
    internal static BpfLink AttachAt(LabPod pod)
    {
        byte[] elf = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "bpf", "tc.bpf.o"));
        for (int at; (at = elf.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Own))) >= 0;) Encoding.ASCII.GetBytes(Foreign).CopyTo(elf.AsSpan(at));
        using BpfObject programs = BpfObject.Open(elf, "cilium");
        programs.SetAutoload("cv_from_pod", false).SetAutoload("cv_to_pod", false).Load();
        using BpfProgram program = programs.GetProgram(Foreign);
        using var network = NetworkNamespace.OpenPath(pod.Node.NamespacePath);
        return network.Run(() =>
        {
            using var netlink = RouteNetlink.Open();
            return BpfLink.AttachTcx(program, netlink.GetLinks().Single(l => l.Name == pod.HostInterface).Index, TcDirection.Ingress);
        });
    }
}
