using System.Net;
using Culvert.Hosting;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Transport;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>What an agent's options mean for its proxy, and how the programs find the proxy.</summary>
internal static class ProxySetup
{
    /// <summary>The proxy's options, within so many descriptors; says so when the event loops may not run at the priority asked for.</summary>
    internal static ProxyOptions OptionsOf(AgentOptions options, long descriptors, DatapathPrograms programs, ILogger logger)
    {
        DescriptorPlan plan = DescriptorPlan.Of(descriptors);
        if (descriptors < DescriptorLimit.Recommended) AgentLog.FewDescriptors(logger, descriptors, plan.Workloads, DescriptorLimit.Recommended);
        bool mayHurry = options.LoopNice >= 0 || Capabilities.CanRaisePriority();
        if (!mayHurry) AgentLog.NormalPriority(logger, options.LoopNice);
        return new ProxyOptions
        {
            Loops = options.Loops > 0 ? options.Loops : Math.Min(Environment.ProcessorCount, (int)CvAbi.MaxListeners),
            LoopNice = mayHurry ? options.LoopNice : 0,
            LoopBusyPoll = options.LoopBusyPoll,
            MaxKeptBytes = options.ResponseCacheBytes,
            Mark = new SocketMark(options.Marks.Proxy, programs.Maps.OwnSockets, programs.Captured),
            MaxConnections = plan.Workloads,
            MaxExternal = plan.External,
            MaxSpaceSockets = plan.Spaces,
            MaxBoundPorts = BoundPorts.MostOf(LocalPortRange.OfNode.Count),
            MaxTunnels = plan.Tunnels,
            MaxHandshakes = plan.Handshakes,
            MaxHandshakesPerSource = plan.HandshakesPerSource,
            OutboundListeners = [new(IPAddress.Loopback, options.OutboundPort), new(IPAddress.IPv6Loopback, options.OutboundPort)],
            BackendListeners = [new(IPAddress.Loopback, 0), new(IPAddress.IPv6Loopback, 0)],
            TunnelListeners = [new(IPAddress.Loopback, options.TunnelPort), new(IPAddress.IPv6Loopback, options.TunnelPort)],
            UdpListeners = [new(IPAddress.Loopback, options.UdpPort), new(IPAddress.IPv6Loopback, options.UdpPort)],
            PlainListeners = [new(IPAddress.Loopback, 0), new(IPAddress.IPv6Loopback, 0)],
            AnyPorts = options.TakeOver,

            // As the programs know them, wherever the listeners are: those are at loopback addresses, which no tunnel can ask for.
            ForbiddenPorts = [options.OutboundPort, options.TunnelPort, options.UdpPort],
            UdpIdleTimeout = options.UdpIdleTimeout,
            LateAnswerTime = FlowSweeper.UnansweredIdle,
            TunnelTimeout = options.TunnelTimeout,
            Http2 = ProxyOptionsDefaults.Http2 with { KeepAliveTimeout = options.TunnelTimeout },
            ApplicationKeepAlive = options.KeepAlive,
            DatagramStreamIdleTimeout = TimeSpan.FromSeconds(Math.Max(180, options.UdpIdleTimeout.TotalSeconds * 2)),
        };
    }

    /// <summary>Has the proxy listen, and work from then on.</summary>
    /// <exception cref="AgentStartException">A port can't be used; the message names its option.</exception>
    internal static Task StartAsync(ProxyServer proxy, AgentOptions options) => StartStep.RunAsync(
        reason => StartStep.Blame(reason, ("--outbound-port", $":{options.OutboundPort}"), ("--tunnel-port", $":{options.TunnelPort}"), ("--udp-port", $":{options.UdpPort}")),
        "`ss -ltunp` says what listens there; stop it or give another port",
        () =>
        {
            proxy.Start();
            return Task.CompletedTask;
        });

    /// <summary>
    /// Puts the proxy's listeners into the sockmap, which is how the programs find them; slots of an agent that is gone are empty by themselves.
    /// </summary>
    internal static void OfferListeners(ProxyServer proxy, DatapathMaps maps, GenerationWriter writer)
    {
        uint[] counts = new uint[(int)CvListenerKind.Kinds];
        foreach ((IReadOnlyList<ProxyListener> listeners, CvListenerKind four, CvListenerKind six) in
            new[] { (proxy.OutboundListeners, CvListenerKind.Out4, CvListenerKind.Out6), (proxy.BackendListeners, CvListenerKind.Backend4, CvListenerKind.Backend6), (proxy.TunnelListeners, CvListenerKind.Tunnel4, CvListenerKind.Tunnel6),
                (proxy.UdpListeners, CvListenerKind.Udp4, CvListenerKind.Udp6), (proxy.PlainListeners, CvListenerKind.Plain4, CvListenerKind.Plain6) })
        {
            foreach (ProxyListener listener in listeners)
            {
                int kind = (int)(listener.Local.IsIPv4 ? four : six);
                maps.Listener.SetDescriptor(((uint)kind * CvAbi.MaxListeners) + counts[kind]++, listener.Handle);
            }
        }
        writer.SetListeners(counts);
    }
}
