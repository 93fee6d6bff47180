using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Responses that are kept for later requests, in all pairs of versions, at the servers' node and at the client's where that is the same.</summary>
public sealed class ResponseCacheTests
{
    /// <summary>What clients speak, what servers do, and whether they are of the client's own node.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places => AuthorizerTests.Places;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatSaysForHowLongItIsGoodAnswersLaterRequests(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60");
        Answer first = await lab.AskAsync("/a?b=c"), second = await lab.AskAsync("/a?b=c"), other = await lab.AskAsync("/a?b=d");
        Assert.Equal(("1 /a?b=c", "culvert; fwd=miss"), (first.Body, first.CacheStatus));
        Assert.Equal(("1 /a?b=c", null), (second.Body, first.Age));
        Assert.StartsWith("culvert; hit; ttl=", second.CacheStatus, StringComparison.Ordinal);
        Assert.InRange(int.Parse(second.Age!, CultureInfo.InvariantCulture), 0, 30);
        Assert.Equal("2 /a?b=d", other.Body);
        Answer head = await lab.AskAsync("/a?b=c", HttpMethod.Head);
        Assert.Equal(("", "8", 200), (head.Body, head.Length, head.Status));
        await lab.ToldAsync(CacheResult.Miss, CacheResult.Hit, CacheResult.Miss, CacheResult.Hit);
        Assert.Equal(2, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task LargeBodiesAreTheSameAndRequestsBehindThemAreAnswered(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        byte[] body = [.. Enumerable.Range(0, 900_000).Select(i => (byte)(i * 31 >> 4))];
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", c => c with { MaxResponseBytes = 1 << 20 }, async context => await context.Response.Body.WriteAsync(body));
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(body, await lab.Routing.Client.GetByteArrayAsync(new Uri("/large", UriKind.Relative)));
            await lab.AskAsync("/large", HttpMethod.Head);
        }

        Assert.Single(lab.Asked);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatIsTooLargeOrOfAnotherPathIsNotKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", c => c with { MaxResponseBytes = 10, Paths = [PathPattern.Parse("/kept/*")] });
        foreach (string path in (string[])["/kept/large", "/other", "/kept/a%20b"])
        {
            await lab.AskAsync(path);
            await lab.AskAsync(path);
        }

        Assert.Equal(6, lab.Asked.Count);
        await lab.AskAsync("/kept/a");
        await lab.AskAsync("/kept/a");
        Assert.Equal(7, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatIsStaleIsAskedAboutAndAnswersOnceMore(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "no-cache", application: async context =>
        {
            context.Response.Headers.ETag = "\"v1\"";
            context.Response.Headers["x-news"] = context.Request.Headers.IfNoneMatch;
            if (context.Request.Headers.IfNoneMatch == "\"v1\"") context.Response.StatusCode = 304;
            else await context.Response.WriteAsync("body");
        });
        Answer first = await lab.AskAsync("/a"), second = await lab.AskAsync("/a"), third = await lab.AskAsync("/a");
        Assert.Equal(("body", "body", "body"), (first.Body, second.Body, third.Body));
        Assert.Equal((200, "culvert; fwd=stale; fwd-status=304", "\"v1\""), (second.Status, second.CacheStatus, second.News));
        Assert.Equal(3, lab.Asked.Count);
        await lab.ToldAsync(CacheResult.Miss, CacheResult.Revalidated, CacheResult.Revalidated);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatHasChangedMeanwhileTakesItsPlace(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        int version = 0;
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "no-cache", application: async context =>
        {
            context.Response.Headers.ETag = $"\"{++version}\"";
            await context.Response.WriteAsync($"v{version}");
        });
        Answer first = await lab.AskAsync("/a"), second = await lab.AskAsync("/a");
        Assert.Equal(("v1", "v2"), (first.Body, second.Body));
        Assert.StartsWith("culvert; fwd=stale", second.CacheStatus, StringComparison.Ordinal);
        Assert.Equal(["", "\"1\""], lab.Asked.Select(r => r.IfNoneMatch));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task ClientsThatHaveItAreToldSo(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: async context =>
        {
            context.Response.Headers.ETag = "W/\"v1\"";
            context.Response.Headers.LastModified = "Sun, 06 Nov 1994 08:49:37 GMT";
            context.Response.Headers["x-news"] = "a";
            await context.Response.WriteAsync("body");
        });
        await lab.AskAsync("/a");
        Answer named = await lab.AskAsync("/a", fields: ("if-none-match", "\"v0\", \"v1\"")), since = await lab.AskAsync("/a", fields: ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"));
        Assert.Equal((304, "", null), (named.Status, named.Body, named.News));
        Assert.Equal(304, since.Status);
        Assert.Equal(200, (await lab.AskAsync("/a", fields: ("if-none-match", "\"v2\""))).Status);
        Assert.Equal(200, (await lab.AskAsync("/a", fields: ("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT"))).Status);
        Assert.Single(lab.Asked);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task ItIsForgottenWhenARequestHasChangedIt(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: async context =>
        {
            if (context.Request.Method == "POST") context.Response.Headers.Location = "http://shop/b";
            if (context.Request.Method == "PUT") context.Response.StatusCode = 409;
            await context.Response.WriteAsync("body");
        });
        foreach (string path in (string[])["/a", "/b", "/c"]) await lab.AskAsync(path);
        await lab.AskAsync("/c", HttpMethod.Put); // not done
        await lab.AskAsync("/a", HttpMethod.Post);
        lab.Asked.Clear();
        foreach (string path in (string[])["/a", "/b", "/c"]) await lab.AskAsync(path);
        Assert.Equal(["/a", "/b"], lab.Asked.Select(r => r.Path));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task AnswersThatVaryAreForThoseThatAskTheSame(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: async context =>
        {
            context.Response.Headers.Vary = "X-Tongue, accept";
            await context.Response.WriteAsync($"in {context.Request.Headers["x-tongue"]}");
        });
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal("in la", (await lab.AskAsync("/a", fields: ("x-tongue", "la"))).Body);
            Assert.Equal("in el", (await lab.AskAsync("/a", fields: ("x-tongue", "el"))).Body);
            Assert.Equal("in", (await lab.AskAsync("/a")).Body.Trim());
        }

        Assert.Equal(3, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task ConcurrentRequestsAreAllAnsweredAndWhatIsBrokenOffIsNotKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        bool isBroken = true;
        TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: async context =>
        {
            context.Response.ContentLength = 10;
            await context.Response.WriteAsync("01234");
            await context.Response.Body.FlushAsync();
            if (!isBroken)
            {
                await context.Response.WriteAsync("56789");
                return;
            }

            await seen.Task;
            context.Abort();
        });
        using (HttpResponseMessage broken = await lab.Routing.Client.SendAsync(lab.Routing.Request(HttpMethod.Get, "/a"), HttpCompletionOption.ResponseHeadersRead))
        {
            seen.SetResult();
            await Assert.ThrowsAnyAsync<Exception>(() => broken.Content.ReadAsStringAsync());
        }

        isBroken = false;
        Answer[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lab.AskAsync("/a")));
        Assert.All(answers, a => Assert.Equal("0123456789", a.Body));
        int asked = lab.Asked.Count;
        Assert.InRange(asked, 2, 9);
        Assert.StartsWith("culvert; hit", (await lab.AskAsync("/a")).CacheStatus, StringComparison.Ordinal);
        Assert.Equal(asked, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task AChangeWhileItIsOnItsWayHasItNotKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously), changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: async context =>
        {
            if (context.Request.Method == "GET")
            {
                begun.TrySetResult();
                await changed.Task;
            }

            await context.Response.WriteAsync("body");
        });
        Task<Answer> before = lab.AskAsync("/a");
        await begun.Task;
        using (HttpClient other = lab.Routing.MakeClient()) (await other.PostAsync(new Uri("/a", UriKind.Relative), null)).Dispose();
        changed.SetResult();
        Assert.Equal("body", (await before).Body);
        await lab.AskAsync("/a");
        Assert.Equal(["GET", "POST", "GET"], lab.Asked.Select(r => r.Method));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WithoutAPolicyOrWhenThatIsGoneNothingIsKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60");
        await lab.AskAsync("/a");
        Assert.NotEqual(0, lab.Proxy.KeptBytes);
        ResponseCaching? caching = lab.Mesh.Caching;
        lab.Mesh.Caching = null;
        await lab.Routing.RevalidateAsync();
        Assert.Equal(0, lab.Proxy.KeptBytes);
        Answer answer = await lab.AskAsync("/a");
        Assert.Equal(("2 /a", null), (answer.Body, answer.CacheStatus));
        lab.Mesh.Caching = caching;
        await lab.Routing.RevalidateAsync();
        Assert.Equal("3 /a", (await lab.AskAsync("/a")).Body);
        Assert.Equal("3 /a", (await lab.AskAsync("/a")).Body);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task BytesAreBoundedAndWhatWasUsedLeastRecentlyGoes(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", mostBytes: 12_000);
        await lab.AskAsync("/first");
        for (int i = 0; i < 20; i++)
        {
            await lab.AskAsync($"/{i}");
            Assert.Equal("1 /first", (await lab.AskAsync("/first")).Body);
            Assert.InRange(lab.Proxy.KeptBytes, 1, 12_000);
        }

        Assert.Equal("22 /0", (await lab.AskAsync("/0")).Body);
    }

    [Theory]
    [MemberData(nameof(RoutingTests.Versions), MemberType = typeof(RoutingTests))]
    public async Task WhatAnotherServerSaysAtALaterTryIsNotKeptForTheFirst(HttpProtocols client, HttpProtocols servers)
    {
        bool isWell = false;
        await using Lab lab = await Lab.StartAsync(client, servers, isNear: true, "max-age=60", application: async context =>
        {
            if (!isWell) context.Response.StatusCode = 503;
            await context.Response.WriteAsync("web");
        });
        await lab.Routing.AddServerAsync("other", async context =>
        {
            context.Response.Headers.CacheControl = "max-age=60";
            await context.Response.WriteAsync("other");
        });
        lab.Routing.Route(RoutingLab.Below("/", ("web", 1), ("other", 1)) with { Retry = new HttpRouteRetry(9, [503], TimeSpan.FromMilliseconds(1)) });
        int asked = 0;
        for (int i = 0; i < 100 && lab.Asked.Count < 4; i++, asked++) Assert.Equal("other", (await lab.AskAsync($"/{i}")).Body);
        isWell = true;
        lab.Routing.Route(RoutingLab.Below("/", ("web", 1)));
        for (int i = 0; i < asked; i++) Assert.Equal("web", (await lab.AskAsync($"/{i}")).Body);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatVariesByMoreThanCanBeComparedIsNotKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        int names = 16;
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: context =>
        {
            context.Response.Headers.Vary = string.Join(", ", Enumerable.Range(0, names).Select(i => $"x-{i}"));
            return context.Response.WriteAsync("body");
        });
        await lab.AskAsync("/a");
        await lab.AskAsync("/a");
        Assert.Single(lab.Asked);
        names = 17;
        await lab.AskAsync("/b");
        await lab.AskAsync("/b");
        Assert.Equal(3, lab.Asked.Count);
    }

    [Theory]
    [InlineData("vary")]
    [InlineData("etag")]
    public async Task AnApplicationThatSaysUnchangedOfSomethingElseIsAskedAnew(string field)
    {
        int asked = 0;
        await using Lab lab = await Lab.StartAsync(HttpProtocols.Http1, HttpProtocols.Http1, isNear: false, "no-cache", application: async context =>
        {
            context.Response.Headers.ETag = "\"v1\"";
            if (++asked == 2) context.Response.Headers[field] = "\"v2\"";
            if (context.Request.Headers.IfNoneMatch == "\"v1\"") context.Response.StatusCode = 304;
            else await context.Response.WriteAsync("body");
        });
        for (int i = 0; i < 3; i++) Assert.Equal("body", (await lab.AskAsync("/a")).Body);
        Assert.Equal(["", "\"v1\"", ""], lab.Asked.Select(q => q.IfNoneMatch));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task RequestsThatAreForTheApplicationPassBy(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60");
        await lab.AskAsync("/a");
        int asked = 1;
        foreach ((string, string) field in ((string, string)[])[("range", "bytes=0-1"), ("cache-control", "no-store"), ("if-match", "\"a\""), ("x-http-method-override", "DELETE"), ("authorization", "Basic YTpi")])
        {
            await lab.AskAsync("/a", fields: field);
            Assert.Equal(++asked, lab.Asked.Count);
        }

        await lab.AskAsync("/a", fields: ("cache-control", "no-cache"));
        Assert.Equal(++asked, lab.Asked.Count);
        await lab.AskAsync("/a", fields: ("cache-control", "max-age=30, max-stale"));
        Assert.Equal(asked, lab.Asked.Count);
    }

    /// <summary>What a server's answer was.</summary>
    internal sealed record Answer(int Status, string Body, string? CacheStatus, string? Age, string? News, string? Length);

    /// <summary>What a server was asked.</summary>
    internal sealed record Question(string Method, string Path, string IfNoneMatch);

    /// <summary>A server whose answers may be kept.</summary>
    internal sealed class Lab : IAsyncDisposable
    {
        private Lab(RoutingLab routing, bool isNear) => (Routing, IsNear) = (routing, isNear);

        internal RoutingLab Routing { get; }

        internal bool IsNear { get; }

        internal ConcurrentQueue<Question> Asked { get; } = [];

        /// <summary>That of the server's node.</summary>
        internal FakeMesh Mesh => IsNear ? Routing.Pair.Source : Routing.Pair.Destination;

        internal NodeAgent.Proxy.ProxyServer Proxy => IsNear ? Routing.Pair.SourceProxy : Routing.Pair.DestinationProxy;

        /// <summary>Starts one.</summary>
        /// <param name="client">What clients speak.</param>
        /// <param name="servers">What the server does.</param>
        /// <param name="isNear">Whether both are on one node.</param>
        /// <param name="control">Its <c>cache-control</c>.</param>
        /// <param name="configure">Changes what is kept.</param>
        /// <param name="application">What it does; null: says how often it was asked, and what.</param>
        /// <param name="mostBytes">Most bytes that are kept.</param>
        internal static async Task<Lab> StartAsync(
            HttpProtocols client, HttpProtocols servers, bool isNear, string control, Func<ResponseCaching, ResponseCaching>? configure = null, RequestDelegate? application = null, long mostBytes = 32 << 20)
        {
            Lab lab = new(new RoutingLab(client, servers, o => o with { Loops = 1, MaxKeptBytes = mostBytes }), isNear);
            await lab.Routing.AddServerAsync("web", async context =>
            {
                lab.Asked.Enqueue(new Question(context.Request.Method, context.Request.Path, context.Request.Headers.IfNoneMatch.ToString()));
                context.Response.Headers.CacheControl = control;
                if (application is not null) await application(context);
                else await context.Response.WriteAsync($"{lab.Asked.Count} {context.Request.Path}{context.Request.QueryString}");
            });
            if (isNear) lab.Routing.BringNear();
            lab.Routing.Route(RoutingLab.Below("/", ("web", 1)));
            lab.Mesh.Caching = (configure ?? (c => c))(new ResponseCaching());
            await lab.Routing.RevalidateAsync();
            return lab;
        }

        internal async Task<Answer> AskAsync(string path, HttpMethod? method = null, params (string Name, string Value)[] fields)
        {
            using HttpRequestMessage request = Routing.Request(method ?? HttpMethod.Get, path);
            foreach ((string name, string value) in fields) request.Headers.TryAddWithoutValidation(name, value);
            using HttpResponseMessage response = await Routing.Client.SendAsync(request);
            return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), Of(response, "cache-status"), Of(response, "age"), Of(response, "x-news"), response.Content.Headers.ContentLength?.ToString(CultureInfo.InvariantCulture));
        }

        /// <summary>The server's node has said this of requests.</summary>
        internal async Task ToldAsync(params CacheResult[] results)
        {
            await Routing.UntilAsync(() => Mesh.Cached.Count(r => r != CacheResult.None) >= results.Length);
            Assert.Equal(results, Mesh.Cached.Where(r => r != CacheResult.None));
        }

        public async ValueTask DisposeAsync()
        {
            await Routing.DisposeAsync();
            Assert.Empty(Mesh.Faults);
        }

        private static string? Of(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(", ", values) : null;
    }
}
