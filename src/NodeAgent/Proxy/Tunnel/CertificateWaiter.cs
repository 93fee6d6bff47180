using Culvert.Core;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Finds an identity's credentials and, when they are not there yet, waits a little: a workload's first connection may come before its
/// certificate. Belongs to one loop.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="certificates">Where credentials come from.</param>
/// <param name="patience">How long to wait at most.</param>
internal sealed class CertificateWaiter(EventLoop loop, ICertificateSource certificates, TimeSpan patience)
{
    private readonly List<LoopSignal> _waiting = [];

    /// <summary>The credentials that there are now, or null.</summary>
    internal TlsIdentity? Current(SpiffeId identity) => certificates.Find(identity);

    /// <summary>The credentials; null when there were none in time.</summary>
    internal ValueTask<TlsIdentity?> FindAsync(SpiffeId identity) =>
        certificates.Find(identity) is { } found ? new ValueTask<TlsIdentity?>(found) : WaitAsync(identity);

    /// <summary>Certificates have changed: those who wait look again.</summary>
    internal void Wake()
    {
        LoopSignal[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach (LoopSignal signal in waiting) signal.Set(true);
    }

    private async ValueTask<TlsIdentity?> WaitAsync(SpiffeId identity)
    {
        long deadline = loop.NowMilliseconds + (long)patience.TotalMilliseconds;
        while (certificates.Find(identity) is null)
        {
            long left = deadline - loop.NowMilliseconds;
            if (left <= 0) return null;
            LoopSignal signal = new();
            LoopTimer timer = new(static state => ((LoopSignal)state!).Set(false), signal);
            _waiting.Add(signal);
            loop.Schedule(timer, TimeSpan.FromMilliseconds(left));
            if (!await signal.WaitAsync()) _waiting.Remove(signal);
            loop.Timers.Cancel(timer);
        }
        return certificates.Find(identity);
    }
}
