using System.Diagnostics;
using System.Net.Sockets;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Sockets;

/// <summary>Which process has connected to a Unix socket.</summary>
public sealed class PeerProcessTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"culvert-peer-{Guid.NewGuid():N}.sock");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public PeerProcessTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public async Task ItIsTheProcessThatHasConnected()
    {
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(_path), Cancel);
        using Socket connection = await _listener.AcceptAsync(Cancel);
        using PeerProcess peer = PeerProcess.Of(connection.SafeHandle);
        Assert.Equal((Environment.ProcessId, FileStatus.EffectiveUser, true), (peer.Id, peer.User, peer.IsThere()));
    }

    [Fact]
    public async Task ItsNumberIsNotTakenForItsOwnOnceItHasEnded()
    {
        Requires.Tool("curl");
        using Process process = Process.Start(new ProcessStartInfo("curl", ["-s", "--max-time", "60", "--unix-socket", _path, "http://localhost/"]))!;
        using Socket connection = await _listener.AcceptAsync(Cancel);
        using PeerProcess peer = PeerProcess.Of(connection.SafeHandle);
        Assert.Equal((process.Id, true), (peer.Id, peer.IsThere()));
        process.Kill();
        await process.WaitForExitAsync(Cancel);
        Assert.False(peer.IsThere());

        // Nor is anybody found by who looks only now.
        try
        {
            using PeerProcess late = PeerProcess.Of(connection.SafeHandle);
            Assert.False(late.IsThere());
        }
        catch (KernelException e)
        {
            Assert.Equal(Errno.ESRCH, e.Errno);
        }
    }

    [Fact]
    public async Task WhereItIsOpenedByItsNumberOneThatBeganAfterTheConnectionWasAcceptedIsNotTakenForIt()
    {
        Requires.Tool("curl");

        // As if it had been accepted from another one, whose number this one has been given.
        TimeSpan before = KernelClock.SinceBoot - TimeSpan.FromSeconds(1);
        using Process process = Process.Start(new ProcessStartInfo("curl", ["-s", "--max-time", "60", "--unix-socket", _path, "http://localhost/"]))!;
        try
        {
            using Socket connection = await _listener.AcceptAsync(Cancel);
            TimeSpan accepted = KernelClock.SinceBoot;
            using (PeerProcess peer = PeerProcess.Of(connection.SafeHandle, accepted, byNumber: true)) Assert.Equal((process.Id, true), (peer.Id, peer.IsThere()));
            Assert.Equal(Errno.ESRCH, Assert.Throws<KernelException>(() => PeerProcess.Of(connection.SafeHandle, before, byNumber: true)).Errno);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(Cancel);
        }
    }

    [Fact]
    public void WhatIsNoConnectionHasNone() => Assert.ThrowsAny<IOException>(() => PeerProcess.Of(File.OpenHandle("/dev/null")));
}
