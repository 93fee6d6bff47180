using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>What a relay does not know: the other end of one of its transports.</summary>
internal sealed class FarEnd(TransportLab lab, ITransport transport)
{
    private long _sent;

    internal ITransport Transport => transport;

    /// <summary>Bytes that the transport has taken.</summary>
    internal long Sent => Volatile.Read(ref _sent);

    /// <summary>Bytes whose values tell their place.</summary>
    internal static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)((i * 31) ^ (i >> 8));
        return bytes;
    }

    /// <summary>Sends bytes; false when the other side has cut it off.</summary>
    internal Task<bool> TrySendAsync(byte[] data) => lab.OnLoopAsync(async () =>
    {
        for (int at = 0; at < data.Length;)
        {
            TransportResult sent = transport.Send(data.AsSpan(at));
            if (sent.IsOver) return false;
            at += sent.Count;
            if (sent.Status == TransportStatus.Blocked && !await transport.WritableAsync()) return false;
        }

        return true;
    });

    internal Task<bool> SendAsync(byte[] data, bool finish) => lab.OnLoopAsync(async () =>
    {
        for (int at = 0; at < data.Length;)
        {
            TransportResult sent = transport.Send(data.AsSpan(at, Math.Min(data.Length - at, 64 * 1024)));
            Assert.False(sent.IsOver, $"{transport.Failure}: {transport.Detail}");
            at += sent.Count;
            Volatile.Write(ref _sent, _sent + sent.Count);
            while (sent.Status == TransportStatus.Blocked)
            {
                if (!await transport.WritableAsync()) return false;
                sent = transport.Flush();
            }
        }

        if (finish) transport.Finish();
        return true;
    });

    internal Task<bool> FinishAsync() => SendAsync([], finish: true);

    internal Task<bool> ResetAsync() => lab.OnLoopAsync(() =>
    {
        transport.Reset(ProxyFailure.ApplicationReset);
        return true;
    });

    /// <summary>Receives so many bytes, or, with less, up to the end. Null when it sees a reset.</summary>
    internal Task<byte[]?> ReceiveAsync(int most) => lab.OnLoopAsync(async () =>
    {
        byte[] bytes = new byte[most];
        int filled = 0;
        while (filled < most)
        {
            TransportResult received = transport.Receive(bytes.AsSpan(filled));
            filled += received.Count;
            if (received.Status == TransportStatus.Ended) break;
            if (received.Status == TransportStatus.Failed) return null;
            if (received.Status == TransportStatus.Blocked && !await transport.ReadableAsync()) return null;
        }

        return (byte[]?)bytes[..filled];
    });

    /// <summary>Receives what there is up to a reset, which has to come.</summary>
    internal async Task AssertResetAsync() => Assert.Null(await ReceiveAsync(64 << 20));
}
