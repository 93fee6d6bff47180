using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>
/// The PROXY v2 header for an application that asked for one: the true client, where it wanted to go, and what is known of it.
/// Thread-safe.
/// </summary>
internal static class ApplicationHeader
{
    /// <summary>The longest header written: the format is meant to fit one small TCP segment, and receivers have limits of their own.</summary>
    internal const int MaxLength = 536;

    private const int MaxAuthority = 255;

    // Connections are numbered per process: with this in front, numbers do not come again after a restart.
    private static readonly ulong Process = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>Whether the application that a connection or session leads to asked for a header.</summary>
    internal static bool IsWanted(in ProxyConnectionInfo info) =>
        info.DestinationWorkload is { Enrolled: true } workload && workload.WantsProxyProtocol(info.Target.Port, info.Protocol);

    /// <summary>
    /// Writes the header. TLVs by weight: the identity that was proven (0xD0), a number unique for the connection (0x05), the
    /// Service that was asked for as <c>name.namespace.svc</c> (0x02); one that does not fit is left out, and all are where the
    /// application takes addresses only.
    /// </summary>
    /// <param name="buffer">At least <see cref="MaxLength"/> bytes.</param>
    /// <param name="info">The connection.</param>
    /// <returns>Its length.</returns>
    internal static int Write(Span<byte> buffer, in ProxyConnectionInfo info)
    {
        ProxyHeaderWriter writer = new(buffer[..MaxLength], info.Protocol, ToProxy(info.Source), ToProxy(info.Destination));
        if (info.DestinationWorkload?.WantsBareProxyProtocol(info.Target.Port, info.Protocol) == true) return writer.Finish();
        Span<byte> text = stackalloc byte[MaxLength];
        if (info.SourceIdentity?.ToString() is { Length: <= MaxLength } identity)
            writer.TryAdd(ProxyTlvType.SpiffeId, text[..Encoding.ASCII.GetBytes(identity, text)]);
        if (Utf8.TryWrite(text, $"{Process:x16}{info.Id:x16}", out int length)) writer.TryAdd(ProxyTlvType.UniqueId, text[..length]);
        if (info.Service is { } service && Utf8.TryWrite(text, $"{service.Name.Name}.{service.Name.Namespace}.svc", out length) && length <= MaxAuthority)
            writer.TryAdd(ProxyTlvType.Authority, text[..length]);
        return writer.Finish();
    }

    private static ProxyEndPoint ToProxy(in SocketEndPoint point) => new(point.High, point.Low, point.Port);
}
