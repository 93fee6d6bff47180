using System.Diagnostics;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Tests.Datapath.Inside;

/// <summary>Which namespaces are taken for pods' of this node. As root.</summary>
public sealed class NamespaceScanTests
{
    [Fact]
    public void ANodeBesideThisOneIsNoPodOfIt()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for network namespaces");
        string[] names = [.. new[] { "here", "pod", "node", "its" }.Select(n => $"cv-scan{Environment.ProcessId}-{n}")];
        NetworkNamespace[] all = [.. names.Select(NetworkNamespace.Create)];
        try
        {
            Connect(names[0], names[1], 1);
            Connect(names[0], names[2], 2);
            Connect(names[2], names[3], 3);
            IReadOnlyList<string> leading = all[0].Run(() => new NamespaceScan().LeadingHere);
            Assert.Contains(leading, p => Path.GetFileName(p) == names[1]);
            Assert.DoesNotContain(leading, p => Path.GetFileName(p) == names[2] || Path.GetFileName(p) == names[3]);

            // Nor is this one of that: the pod is its own.
            Assert.Equal([names[3]], all[2].Run(() => new NamespaceScan().LeadingHere).Select(Path.GetFileName));
        }
        finally
        {
            foreach ((NetworkNamespace place, string name) in all.Zip(names))
            {
                place.Dispose();
                Ip($"netns delete {name}");
            }
        }
    }

    private static void Connect(string one, string other, int number)
    {
        Ip($"link add v{number} netns {one} type veth peer name w{number} netns {other}");
        foreach ((string place, char side, int host) in new[] { (one, 'v', 1), (other, 'w', 2) })
        {
            Ip($"-n {place} address add 10.77.{number}.{host}/24 dev {side}{number}");
            Ip($"-n {place} link set {side}{number} up");
        }
    }

    private static void Ip(string arguments)
    {
        using Process process = Process.Start("ip", arguments.Split(' '));
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
