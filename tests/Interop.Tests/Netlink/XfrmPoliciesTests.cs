using System.Diagnostics;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>IPsec policies as ip(8) makes them.</summary>
public sealed class XfrmPoliciesTests
{
    [Fact]
    public void PoliciesThatForwardedPacketsMeetAreListed()
    {
        using NamespacePair pair = new();
        Assert.Empty(pair.Left.Run(XfrmPolicies.List));
        Xfrm(pair, "policy add src 10.91.1.2 dst 10.91.1.0/24 dir fwd action block");
        Xfrm(pair, "policy add src fd91::2 dst fd91::/64 dir fwd priority 7 action allow");
        Xfrm(pair, "policy add src 10.91.1.2 dst 10.91.1.3 dir in action block");
        Xfrm(pair, "policy add src 10.91.1.2 dst 10.91.1.3 dir out action block");
        Assert.Equal(
            ["fwd allow from fd91::2/128 to fd91::/64, priority 7", "fwd block from 10.91.1.2/32 to 10.91.1.0/24, priority 0", "out block from 10.91.1.2/32 to 10.91.1.3/32, priority 0"],
            pair.Left.Run(XfrmPolicies.List).Select(p => p.ToString()).Order(StringComparer.Ordinal));
        Assert.Empty(pair.Right.Run(XfrmPolicies.List));
    }

    [Fact]
    public void WhatIsBlockedByDefaultIsListed()
    {
        using NamespacePair pair = new();
        Xfrm(pair, "policy setdefault fwd block");
        Assert.Equal(["fwd block whatever no policy is for"], pair.Left.Run(XfrmPolicies.List).Select(p => p.ToString()));
    }

    [Fact]
    public void ManyPoliciesAreListedAllTheSame()
    {
        using NamespacePair pair = new();
        using (Process ip = Process.Start(new ProcessStartInfo("ip", $"-n {pair.LeftName} -batch -") { RedirectStandardInput = true })!)
        {
            for (int i = 0; i < 1000; i++) ip.StandardInput.WriteLine($"xfrm policy add src 10.91.1.2 dst 10.92.{i / 250}.{i % 250} dir fwd action block");
            ip.StandardInput.Close();
            ip.WaitForExit();
        }
        Assert.Equal(1000, pair.Left.Run(XfrmPolicies.List).Distinct().Count());
    }

    [Fact]
    public async Task ChangesAreToldOf()
    {
        using NamespacePair pair = new();
        using XfrmMonitor monitor = pair.Left.Run(XfrmMonitor.Open);
        using CancellationTokenSource stop = new(TimeSpan.FromSeconds(10));
        Task waiting = Task.Run(() => monitor.Wait(stop.Token));
        Xfrm(pair, "policy add src 10.91.1.2 dst 10.91.1.3 dir fwd action block");
        await waiting;
    }

    private static void Xfrm(NamespacePair pair, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", $"-n {pair.LeftName} xfrm {arguments}") { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip xfrm {arguments}: {error}");
    }
}
