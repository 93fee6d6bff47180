using System.Net.Sockets;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;
using Grpc.Core;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>The socket of the Workload API, where others may write in its folder.</summary>
public sealed class WorkloadApiSocketTests : IAsyncLifetime
{
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private ServedWorkloads _api = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Folder => Path.GetDirectoryName(_api.Socket)!;

    private string Above => Path.GetDirectoryName(Folder)!;

    public async ValueTask InitializeAsync() => _api = await ServedWorkloads.StartAsync(_time);

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task EverybodyMayConnectAndNobodyElseMayPutAnotherSocketThere()
    {
        Assert.Equal(0b111_111_111, (int)File.GetUnixFileMode(_api.Socket));
        Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(Folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Assert.Single(Directory.GetDirectories(Above, ".cvwapi-*"))));
        await ServedAsync();
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("file")]
    [InlineData("link")]
    [InlineData("folder")]
    [InlineData("socket")]
    [Trait("Category", "Attack")]
    public async Task WhatIsPutInItsPlaceIsPutAway(string what)
    {
        string victim = Path.Combine(Above, "victim");
        await File.WriteAllTextAsync(victim, "of the node", Cancel);
        File.SetUnixFileMode(victim, UnixFileMode.UserRead);
        File.Delete(_api.Socket);
        using Socket other = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Replace(what, victim, other);
        await _time.TimersAsync(1);
        _time.Advance(WorkloadApiServer.Interval);
        await SocketExtensions.EventuallyAsync(() => _api.Log.Any(l => l.Contains("put there again", StringComparison.Ordinal)) && IsSocket());
        await ServedAsync();
        Assert.Equal(("of the node", UnixFileMode.UserRead), (await File.ReadAllTextAsync(victim, Cancel), File.GetUnixFileMode(victim)));

        // It is said once in a while only, and done each time.
        File.Delete(_api.Socket);
        _time.Advance(WorkloadApiServer.Interval);
        await SocketExtensions.EventuallyAsync(IsSocket);
        Assert.Single(_api.Log, l => l.Contains("put there again", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task EverybodyMayConnectAgainWhateverModeItWasGiven()
    {
        File.SetUnixFileMode(_api.Socket, UnixFileMode.None);
        await _time.TimersAsync(1);
        _time.Advance(WorkloadApiServer.Interval);
        await SocketExtensions.EventuallyAsync(() => (int)File.GetUnixFileMode(_api.Socket) == 0b111_111_111);
        Assert.Single(_api.Log, l => l.Contains("put there again", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("file")]
    [InlineData("link")]
    [InlineData("folder")]
    [InlineData("socket")]
    [Trait("Category", "Attack")]
    public async Task AnAgentStartsWhateverIsInItsPlace(string what)
    {
        await using ServedWorkloads api = ServedWorkloads.Make(_time);
        Directory.CreateDirectory(Path.GetDirectoryName(api.Socket)!);
        using Socket other = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Replace(what, "/etc/hostname", other, api.Socket);
        await api.StartServerAsync();
        Assert.Single((await FirstAsync(api.Client())).Svids);
    }

    [Fact]
    public async Task WhereItCannotBeServedTheAgentStartsAndTriesAgain()
    {
        await using ServedWorkloads api = ServedWorkloads.Make(_time);
        string folder = Path.GetDirectoryName(api.Socket)!;
        await File.WriteAllTextAsync(folder, "in the way", Cancel);
        await api.StartServerAsync();
        Assert.Single(api.Log, l => l.Contains("is not served at", StringComparison.Ordinal));
        File.Delete(folder);
        await _time.TimersAsync(2);
        _time.Advance(WorkloadApiServer.Interval);
        await SocketExtensions.EventuallyAsync(() => api.Log.Any(l => l.Contains("is served at", StringComparison.Ordinal)));
        Assert.Single((await FirstAsync(api.Client())).Svids);
    }

    [Fact]
    public async Task WhatAnAgentLeavesThatIsKilledTheNextRemovesAndNotAnothers()
    {
        string left = Directory.CreateDirectory(Path.Combine(Above, ".cvwapi-left")).FullName, own = Directory.GetDirectories(Above, ".cvwapi-*").Single(d => d != left);
        await File.WriteAllTextAsync(Path.Combine(left, "s"), "", Cancel);
        using PlacedSocket next = new(_api.Socket);
        Assert.False(Directory.Exists(left));
        Assert.True(Directory.Exists(own));
    }

    [Fact]
    public async Task AtItsEndItTakesItsOwnAwayAndNothingElse()
    {
        await _api.StopServerAsync();
        Assert.Empty(Directory.GetFileSystemEntries(Folder));
        Assert.Equal([Folder], Directory.GetDirectories(Above));

        await using ServedWorkloads api = await ServedWorkloads.StartAsync(_time);
        File.Delete(api.Socket);
        await File.WriteAllTextAsync(api.Socket, "another's", Cancel);
        await api.StopServerAsync();
        Assert.True(File.Exists(api.Socket));
    }

    private static async Task<X509SVIDResponse> FirstAsync(SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client)
    {
        using AsyncServerStreamingCall<X509SVIDResponse> call = client.FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        Assert.True(await call.ResponseStream.MoveNext(Cancel));
        return call.ResponseStream.Current;
    }

    private async Task ServedAsync() => Assert.Single((await FirstAsync(_api.Client())).Svids);

    private bool IsSocket() => File.Exists(_api.Socket) && new FileInfo(_api.Socket) is { LinkTarget: null } && (int)File.GetUnixFileMode(_api.Socket) == 0b111_111_111;

    private void Replace(string what, string target, Socket other, string? path = null)
    {
        path ??= _api.Socket;
        if (what == "file") File.WriteAllText(path, "another's");
        else if (what == "link") File.CreateSymbolicLink(path, target);
        else if (what == "folder") File.WriteAllText(Path.Combine(Directory.CreateDirectory(path).FullName, "inside"), "another's");
        else if (what == "socket")
        {
            other.Bind(new UnixDomainSocketEndPoint(path));
            other.Listen();
        }
    }
}
