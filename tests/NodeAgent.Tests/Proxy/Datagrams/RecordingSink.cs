using System.Threading.Channels;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>Keeps what comes out of a tunnel, to be awaited by tests.</summary>
internal sealed class RecordingSink : IDatagramSink
{
    private readonly Channel<(byte[] Payload, ushort SourcePort)> _datagrams = Channel.CreateUnbounded<(byte[] Payload, ushort SourcePort)>();
    private readonly TaskCompletionSource _unreachable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ProxyFailure> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<ProxyFailure> Closed => _closed.Task.WaitAsync(TimeSpan.FromSeconds(20));

    internal Task Unreachable => _unreachable.Task.WaitAsync(TimeSpan.FromSeconds(20));

    internal bool IsClosed => _closed.Task.IsCompleted;

    internal int Idles { get; private set; }

    internal int Count => _datagrams.Reader.Count;

    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort) => _datagrams.Writer.TryWrite((payload.ToArray(), sourcePort));

    public void OnIdle() => Idles++;

    public void OnUnreachable() => _unreachable.TrySetResult();

    public void OnClosed(ProxyFailure failure) => Assert.True(_closed.TrySetResult(failure), "closed twice");

    internal async Task<(byte[] Payload, ushort SourcePort)> ReceiveAsync() =>
        await _datagrams.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));
}
