using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Http.HealthChecks;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Backends are asked whether they are well, by real servers that are, fail, hang or answer what is none.</summary>
public sealed class HealthCheckTests
{
    private static readonly HealthCheck Http = new(HealthCheckKind.Http) { Path = "/healthz?deep=1", Interval = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromSeconds(5) };

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task ABackendThatSaysThatItIsNotWellIsLeftOutAndComesBack(HttpProtocols version)
    {
        await using CheckLab lab = new(version);
        ConcurrentQueue<string> asked = [];
        await lab.Routing.AddServerAsync("v1", context =>
        {
            asked.Enqueue($"{context.Request.Protocol} {context.Request.Method} {context.Request.Host} {context.Request.Path}{context.Request.QueryString} {context.Request.Headers.UserAgent}");
            context.Response.StatusCode = lab.Status;
            return Task.CompletedTask;
        }, version);
        await lab.Routing.AddServerAsync("v2", version: version);
        (PortRequests port, BackendRequests[] backends) = lab.Check(Http with { UnhealthyThreshold = 2, HealthyThreshold = 3 }, "v1", "v2");
        await lab.UntilAsync(() => asked.Count >= 3);
        Assert.False(backends[0].IsOut);
        Assert.Equal($"{(version == HttpProtocols.Http1 ? "HTTP/1.1" : "HTTP/2")} GET shop.b /healthz?deep=1 culvert-health-check", asked.First());
        lab.Status = 302; // is not followed
        await lab.UntilAsync(() => backends[0].IsOut);
        Assert.True(backends[0].IsUnhealthy && port.MayHaveOut && !backends[1].IsOut);
        Assert.Equal((backends[0], "it answers with status 302"), Assert.Single(lab.Mesh.HealthChanges));
        lab.Status = 200;
        await lab.UntilAsync(() => !backends[0].IsOut);
        await lab.UntilAsync(() => lab.Mesh.HealthChanges.Count == 2);
        Assert.Equal((backends[0], null), lab.Mesh.HealthChanges.Last());
        Assert.False(port.MayHaveOut);
        Assert.Empty(lab.Mesh.Faults);

        // Each by a connection of its own, in the name of the workload that has used the Service last, and of none of the mesh's requests.
        await lab.UntilAsync(() => lab.Mesh.Closed.Count > 5);
        Assert.All(lab.Mesh.Closed, c => Assert.Equal(ProxyPair.Alice, c.Info.SourceIdentity!.ToString()));
        Assert.Empty(lab.Mesh.Requests);
        Assert.Equal(0, backends[0].Running);
    }

    [Fact]
    public async Task OtherStatusesThan200AreWellWhereTheyAreExpected()
    {
        await using CheckLab lab = new(HttpProtocols.Http1);
        lab.Routing.Statuses["v1"] = 503;
        await lab.Routing.AddServerAsync("v1");
        (_, BackendRequests[] backends) = lab.Check(Http with { ExpectedStatuses = [204, 503] }, "v1", "v1");
        await lab.UntilAsync(() => lab.Mesh.HealthChecks.Count >= 10);
        Assert.All(lab.Mesh.HealthChecks, r => Assert.Equal(HealthCheckResult.Passed, r));
        Assert.False(backends[0].IsUnhealthy);
    }

    [Theory]
    [InlineData("hang", "it did not answer in time")]
    [InlineData("garbage", "its node's proxy answers in its place with status 502: http_protocol_error")]
    [InlineData("close", null)] // it depends on which proxy sees it first
    [InlineData("reset", "its node's proxy answers in its place with status 502: connection_terminated")]
    [InlineData("half", "it broke the connection off before it had answered")]
    [InlineData("head", "its node's proxy answers in its place with status 502: http_protocol_error")]
    [InlineData("slow-body", "it did not answer in time")]
    public async Task AServerWithoutAnAnswerIsNotWell(string what, string? reason)
    {
        await using CheckLab lab = new(HttpProtocols.Http1);
        using Socket listener = lab.Routing.Pair.Listen();
        lab.Routing.AddBackend("v1", ((IPEndPoint)listener.LocalEndPoint!).Port);
        using CancellationTokenSource end = new();
        Task serving = ServeAsync(listener, what, end.Token);
        await lab.Routing.AddServerAsync("v2");
        (_, BackendRequests[] backends) = lab.Check(Http with { Timeout = TimeSpan.FromMilliseconds(what is "hang" or "slow-body" ? 30 : 5000) }, "v1", "v2");
        await lab.UntilAsync(() => backends[0].IsOut);
        (BackendRequests changed, string? said) = Assert.Single(lab.Mesh.HealthChanges);
        Assert.Equal((backends[0], reason ?? said), (changed, said));
        Assert.NotNull(said);
        Assert.Empty(lab.Mesh.Faults);
        await end.CancelAsync();
        await serving;
    }

    [Fact]
    public async Task OfAnAnswerThatIsTooLongTheStatusCountsAndTheRestIsCutOff()
    {
        await using CheckLab lab = new(HttpProtocols.Http1);
        int cut = 0;
        await lab.Routing.AddServerAsync("v1", async context =>
        {
            byte[] much = new byte[16 << 10];
            try
            {
                while (true) await context.Response.Body.WriteAsync(much, context.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cut);
            }
        });
        lab.Check(Http with { Timeout = TimeSpan.FromMinutes(1) }, "v1");
        await lab.UntilAsync(() => Volatile.Read(ref cut) >= 3);
        Assert.All(lab.Mesh.HealthChecks, r => Assert.Equal(HealthCheckResult.Passed, r));
    }

    [Theory]
    [InlineData("", (byte)1, null)]
    [InlineData("pkg.Shop", (byte)2, "it says that it is not serving (status 2 of grpc.health.v1)")]
    [InlineData("pkg.Shop", (byte)3, "it says that it is not serving (status 3 of grpc.health.v1)")]
    [InlineData("pkg.Shop", (byte)255, "it answers with status 5 of gRPC")]
    public async Task AServerOfGrpcIsAskedByTheHealthCheckingProtocol(string service, byte serving, string? reason)
    {
        await using CheckLab lab = new(HttpProtocols.Http2);
        ConcurrentQueue<(string Path, string Type, string Body)> asked = [];
        await lab.Routing.AddServerAsync("v1", async context =>
        {
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            asked.Enqueue((context.Request.Path, context.Request.ContentType!, Convert.ToHexString(body.ToArray())));
            context.Response.ContentType = "application/grpc";
            if (serving != 255) await context.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 2, 8, serving });
            context.Response.AppendTrailer("grpc-status", serving == 255 ? "5" : "0");
        });
        await lab.Routing.AddServerAsync("v2");
        (_, BackendRequests[] backends) = lab.Check(new HealthCheck(HealthCheckKind.Grpc) { GrpcService = service, Interval = Http.Interval, Timeout = Http.Timeout }, "v1", "v2");
        await lab.UntilAsync(() => reason is null ? asked.Count > 5 : backends[0].IsUnhealthy);
        Assert.Equal(reason is not null, backends[0].IsUnhealthy);
        if (reason is not null) Assert.Contains((backends[0], reason), lab.Mesh.HealthChanges);
        string message = service.Length == 0 ? "" : "0A" + service.Length.ToString("X2") + Convert.ToHexString(System.Text.Encoding.ASCII.GetBytes(service));
        Assert.All(asked, a => Assert.Equal(("/grpc.health.v1.Health/Check", "application/grpc", $"00{message.Length / 2:X8}{message}"), a));
    }

    [Fact]
    public async Task AConnectionIsAllThatTcpAsksFor()
    {
        await using CheckLab lab = new(HttpProtocols.Http1);
        using Socket listener = lab.Routing.Pair.Listen();
        lab.Routing.AddBackend("v1", ((IPEndPoint)listener.LocalEndPoint!).Port);
        using Socket taken = lab.Routing.Pair.Listen();
        int nobodys = ((IPEndPoint)taken.LocalEndPoint!).Port;
        taken.Close();
        lab.Routing.AddBackend("v2", nobodys);
        (_, BackendRequests[] backends) = lab.Check(new HealthCheck(HealthCheckKind.Tcp) { Interval = Http.Interval, Timeout = Http.Timeout }, "v1", "v2");
        for (int i = 0; i < 5; i++)
        {
            using Socket accepted = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(20));
            Assert.Equal(0, await accepted.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(20))); // nothing, and an end in good order
        }

        await lab.UntilAsync(() => backends[1].IsOut);
        Assert.Equal((backends[1], "it was not reached"), Assert.Single(lab.Mesh.HealthChanges));
        Assert.False(backends[0].IsUnhealthy);
    }

    [Fact]
    public async Task WhatPolicyForbidsSaysNothingOfTheBackend()
    {
        await using CheckLab lab = new(HttpProtocols.Http1);
        lab.Mesh.MayLeave = _ => false;
        await lab.Routing.AddServerAsync("v1");
        await lab.Routing.AddServerAsync("v2");
        (_, BackendRequests[] backends) = lab.Check(Http with { UnhealthyThreshold = 1 }, "v1", "v2");
        await lab.UntilAsync(() => lab.Mesh.HealthChecks.Count >= 6);
        Assert.All(lab.Mesh.HealthChecks, r => Assert.Equal(HealthCheckResult.NotAsked, r));
        Assert.All(backends, b => Assert.False(b.IsUnhealthy));
        Assert.Empty(lab.Routing.Asked);
    }

    [Fact]
    public async Task WhatTheBackendsNodeForbidsSaysNothingOfTheBackendEither()
    {
        HeaderList fields = new();
        fields.Add("proxy-status"u8, "culvert; error=http_request_denied; details=\"x\""u8);
        Assert.Equal(HealthCheckResult.NotAsked, HealthCall.Read(Http, 403, fields, []).Result);
        Assert.Equal(HealthCheckResult.Passed, HealthCall.Read(Http with { ExpectedStatuses = [403] }, 403, fields, []).Result);

        await using CheckLab lab = new(HttpProtocols.Http1);
        await lab.Routing.AddServerAsync("v1");
        lab.Routing.Pair.Destination.Allowed = false;
        (_, BackendRequests[] backends) = lab.Check(Http with { UnhealthyThreshold = 1 }, "v1", "v1");
        await lab.UntilAsync(() => lab.Mesh.HealthChecks.Count >= 6);
        Assert.All(lab.Mesh.HealthChecks, r => Assert.Equal(HealthCheckResult.NotAsked, r));
        Assert.All(backends, b => Assert.False(b.IsUnhealthy));
        Assert.Empty(lab.Routing.Asked);
    }

    [Fact]
    public async Task NobodyIsAskedWhenNobodyUsesTheServiceUntilSomebodyDoes()
    {
        await using CheckLab lab = new(HttpProtocols.Http1, new HealthCheckLimits { UseTime = TimeSpan.FromMilliseconds(500), LookTime = TimeSpan.FromMilliseconds(20) });
        lab.Routing.Statuses["v1"] = 500;
        await lab.Routing.AddServerAsync("v1");
        await lab.Routing.AddServerAsync("v2");
        (PortRequests port, BackendRequests[] backends) = lab.Check(Http with { UnhealthyThreshold = 1, HealthyThreshold = 1 }, "v1", "v2");
        await lab.UntilAsync(() =>
        {
            lab.Use(port); // until it has been asked, however long that takes
            return backends[0].IsOut;
        });
        await lab.UntilAsync(() => !port.IsChecked);
        await lab.SettleAsync();
        int asked = lab.Routing.Asked["v1"];
        await lab.SettleAsync();
        Assert.Equal(asked, lab.Routing.Asked["v1"]);
        Assert.True(backends[0].IsOut); // what was found out holds

        lab.Routing.Statuses["v1"] = 200;
        await lab.UntilAsync(() =>
        {
            lab.Use(port);
            return !backends[0].IsOut;
        });
    }

    [Fact]
    public async Task WithoutThePolicyNobodyIsAskedNorLeftOut()
    {
        await using CheckLab lab = new(HttpProtocols.Http1, new HealthCheckLimits { LookTime = TimeSpan.FromMilliseconds(20) });
        lab.Routing.Statuses["v1"] = 500;
        await lab.Routing.AddServerAsync("v1");
        await lab.Routing.AddServerAsync("v2");
        (PortRequests port, BackendRequests[] backends) = lab.Check(Http with { UnhealthyThreshold = 1 }, "v1", "v2");
        await lab.UntilAsync(() => backends[0].IsOut);
        port.Settings = port.Settings with { HealthCheck = null };
        Assert.False(backends[0].IsOut || backends[0].IsUnhealthy);
        await lab.UntilAsync(() => !port.MayHaveOut);
        port.Settings = port.Settings with { HealthCheck = Http with { Interval = TimeSpan.FromHours(1) } };
        Assert.False(backends[0].IsOut); // until told otherwise
    }

    [Fact]
    public async Task OneThatIsNoBackendAnyMoreIsNotAsked()
    {
        await using CheckLab lab = new(HttpProtocols.Http1, new HealthCheckLimits { LookTime = TimeSpan.FromMilliseconds(20) });
        await lab.Routing.AddServerAsync("v1");
        await lab.Routing.AddServerAsync("v2");
        (PortRequests port, BackendRequests[] backends) = lab.Check(Http, "v1", "v2");
        await lab.UntilAsync(() => lab.Routing.Asked.Count == 2);
        port.Backends = [backends[1]];
        int others = lab.Routing.Asked["v2"];
        await lab.UntilAsync(() => lab.Routing.Asked["v2"] > others + 5); // the loop has looked by then
        int asked = lab.Routing.Asked["v1"];
        await lab.UntilAsync(() => lab.Routing.Asked["v2"] > others + 12);
        Assert.Equal(asked, lab.Routing.Asked["v1"]);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AThousandBackendsThatHangAreAskedSoManyAtATime()
    {
        await using CheckLab lab = new(HttpProtocols.Http1, new HealthCheckLimits { MaxRunning = 16 });
        int running = 0, most = 0;
        ConcurrentDictionary<string, bool> asked = [];
        await lab.Routing.AddServerAsync("v1", async context =>
        {
            int now = Interlocked.Increment(ref running);
            for (int before = most; now > before && Interlocked.CompareExchange(ref most, now, before) != before; before = most) { }
            asked[context.Connection.Id] = true;
            try
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Decrement(ref running);
            }
        });
        (_, BackendRequests[] backends) = lab.Check(Http with { Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromMilliseconds(20), UnhealthyThreshold = 1 }, [.. Enumerable.Repeat("v1", 1000)]);
        await lab.UntilAsync(() => backends.All(b => b.IsUnhealthy));
        Assert.Equal(500, backends.Count(b => b.IsOut)); // no more may be
        Assert.InRange(most, 1, 40); // the server sees the end of one a moment after the next has begun
        Assert.Empty(lab.Mesh.Faults);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ThoseOfANamespaceThatAllHangDoNotKeepOthersFromBeingAsked()
    {
        await using CheckLab lab = new(HttpProtocols.Http1, new HealthCheckLimits { MaxRunning = 32 });
        int hanging = 0;
        await lab.Routing.AddServerAsync("hangs", context =>
        {
            Interlocked.Increment(ref hanging);
            return Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        lab.Check(Http with { Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromMinutes(1) }, [.. Enumerable.Repeat("hangs", 1000)]);
        await lab.UntilAsync(() => hanging >= 8);
        lab.Routing.Statuses["v1"] = 500;
        await lab.Routing.AddServerAsync("v1");
        await lab.Routing.AddServerAsync("v2");
        (_, BackendRequests[] backends) = lab.CheckOf("c", Http with { UnhealthyThreshold = 2 }, "v1", "v2");
        await lab.UntilAsync(() => backends[0].IsOut);
        Assert.Empty(lab.Mesh.Faults);
    }

    [Theory]
    [InlineData("", "its answer is not one plain message of gRPC")]
    [InlineData("0000000003080101", "its answer is no HealthCheckResponse")]
    [InlineData("00000000020801FF", "its answer is not one plain message of gRPC")]
    [InlineData("01000000020801", "its answer is not one plain message of gRPC")]
    [InlineData("0000000000", "it says that it is not serving (status 0 of grpc.health.v1)")]
    [InlineData("000000000408011001", "")]
    public void AnswersOfGrpcAreReadStrictly(string body, string reason)
    {
        HeaderList fields = new();
        fields.Add("grpc-status"u8, "0"u8);
        Assert.Equal(reason, HealthCall.Read(new HealthCheck(HealthCheckKind.Grpc), 200, fields, Convert.FromHexString(body)).Reason);
    }

    private static async Task ServeAsync(Socket listener, string what, CancellationToken end)
    {
        List<Socket> held = [];
        try
        {
            while (true)
            {
                Socket client = await listener.AcceptAsync(end);
                held.Add(client);
                if (what == "close")
                {
                    client.Close();
                    continue;
                }

                _ = await client.ReceiveAsync(new byte[4096], end);
                switch (what)
                {
                    case "reset":
                        client.LingerState = new LingerOption(true, 0);
                        client.Close();
                        break;
                    case "garbage":
                        await client.SendAllAsync("\u0001\u0002 what?\r\n\r\n"u8.ToArray());
                        break;
                    case "half":
                        await client.SendAllAsync("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"u8.ToArray());
                        client.Close();
                        break;
                    case "head":
                        await client.SendAllAsync(System.Text.Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("x-long: 0123456789\r\n", 2000))));
                        break;
                    case "slow-body":
                        await client.SendAllAsync("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"u8.ToArray());
                        break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
        catch (SocketException)
        {
            // A client that has seen enough has reset it, which the test finds by its answers.
        }
        finally
        {
            held.ForEach(s => s.Dispose());
        }
    }

    // A Service whose backends are asked.
    private sealed class CheckLab : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<BackendRequests, OutboundRoute> _routes = [];

        internal CheckLab(HttpProtocols version, HealthCheckLimits? limits = null)
        {
            Routing = new RoutingLab(version, version, limits is null ? null : o => o with { Http = o.Http with { HealthChecks = limits } });
            Mesh.Checked = backend => _routes[backend];
        }

        internal RoutingLab Routing { get; }

        internal FakeMesh Mesh => Routing.Pair.Source;

        internal volatile int Status = 200;

        internal (PortRequests Port, BackendRequests[] Backends) Check(HealthCheck check, params string[] names) => CheckOf("b", check, names);

        internal (PortRequests Port, BackendRequests[] Backends) CheckOf(string ns, HealthCheck check, params string[] names)
        {
            PortRequests port = new(new(ns, "shop"), 80, new RequestSettings { Policy = new("b", "checked"), HealthCheck = check }, TimeProvider.System, ejected: null, used: Routing.Pair.SourceProxy.CheckBackends);
            BackendRequests[] backends = [.. names.Select(name =>
            {
                OutboundRoute route = Mesh.Backend(new("b", name), 80);
                BackendRequests backend = new(port, route.Target);
                _routes[backend] = route;
                return backend;
            })];
            foreach (BackendRequests backend in backends) backend.Siblings = backends;
            port.Backends = backends;
            Use(port);
            return (port, backends);
        }

        internal void Use(PortRequests port) => port.OnUsed(Mesh.Local!, new SocketEndPoint(Routing.Pair.SourceAddress, 40000));

        internal Task UntilAsync(Func<bool> isSo) => Routing.UntilAsync(isSo);

        // Waits until nothing has been asked for four times as long as there is between two questions.
        internal async Task SettleAsync()
        {
            int before = -1;
            for (long began = 0; Mesh.Closed.Count != before || Environment.TickCount64 - began < 4 * Http.Interval.TotalMilliseconds;)
            {
                if (Mesh.Closed.Count != before) (before, began) = (Mesh.Closed.Count, Environment.TickCount64);
                await Routing.Pair.CountAsync();
            }
        }

        public ValueTask DisposeAsync() => Routing.DisposeAsync();
    }
}
