using System.Net;
using System.Text;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Http.Caching;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Kept;

/// <summary>Where responses are kept: bounds, order, and what has them forgotten.</summary>
public sealed class ResponseStoreTests
{
    private const int Limit = 100_000;

    private readonly ResponseStore _store = new(Limit, TimeProvider.System);

    [Fact]
    public void WhatWasUsedLeastRecentlyGoesAndBytesStayWithinTheLimit()
    {
        Keep("/first", 10_000);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(Keep($"/{i}", 10_000));
            Assert.NotNull(Find("/first"));
            Assert.InRange(_store.Bytes, 1, Limit);
        }

        Assert.Null(Find("/0"));
        Assert.InRange(_store.Count, 5, 10);
        Assert.False(Keep("/huge", Limit));
        Assert.NotNull(Find("/first"));
    }

    [Fact]
    public void WhatIsBeingReceivedHasHalfOfTheRoomAtMost()
    {
        Keep("/a", 60_000);
        Assert.True(_store.TryReceive(Limit / 2));
        Assert.Null(Find("/a"));
        Assert.False(_store.TryReceive(1));
        Assert.True(Keep("/b", 40_000));
        Assert.False(Keep("/c", 60_000));
        _store.EndReceive(Limit / 2);
        Assert.True(Keep("/c", 60_000));
    }

    [Fact]
    public void OneTakesThePlaceOfAnotherToTheSame()
    {
        for (int i = 0; i < 10; i++) Keep("/a", 1000 + i);
        Assert.Equal((1, 1009), (_store.Count, Find("/a")!.Body.Length));
    }

    [Fact]
    public void OfOnePathThereAreOnlySoManyAndTheOldestGoes()
    {
        for (int i = 0; i < 20; i++) Keep("/a", 10, tongue: $"{i}");
        Assert.Equal(16, _store.Count);
        Assert.Null(Find("/a", tongue: "3"));
        Assert.NotNull(Find("/a", tongue: "4"));
        Assert.NotNull(Find("/a", tongue: "19"));
        Assert.Null(Find("/a"));
    }

    [Fact]
    public void WhatHasChangedIsForgottenAndWhatIsOnItsWayIsNotKept()
    {
        int before = _store.ChangesOf(KeyOf("/a"));
        Keep("/a", 10);
        _store.Invalidate(KeyOf("/a"));
        Assert.Null(Find("/a"));
        Assert.False(_store.Keep(Response("/a", 10), before));
        Assert.True(Keep("/a", 10));
        Assert.True(_store.Bytes > 0);
    }

    [Fact]
    public void WhatIsGoneIsForgottenAndWhoComesAfterItHasNothingOfIt()
    {
        Keep("/a", 10);
        KeptOwner before = Owner;
        _store.Sweep(_ => false);
        Assert.Equal((0, 0), (_store.Count, _store.Bytes));
        Assert.False(_store.Keep(Response("/a", 10, owner: before), _store.ChangesOf(KeyOf("/a"))));
        Assert.NotEqual(before.Number, Owner.Number);
        Assert.NotEqual(Owner.Number, _store.OwnerOf("b/other", Owner.Target).Number);
        Keep("/b", 10);
        _store.Sweep(_ => true);
        Assert.Equal(1, _store.Count);
    }

    [Fact]
    public async Task ManyThreadsLeaveItWhole()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(t => Task.Run(() =>
        {
            Random random = new(t);
            for (int i = 0; i < 3000; i++)
            {
                string path = $"/{random.Next(40)}";
                switch (random.Next(8))
                {
                    case 0:
                        _store.Invalidate(KeyOf(path));
                        break;
                    case 1 when _store.TryReceive(5000):
                        _store.EndReceive(5000);
                        break;
                    case 2 when Find(path) is { } found:
                        _store.Forget(found);
                        break;
                    case < 5:
                        Keep(path, random.Next(8000), tongue: $"{random.Next(3)}");
                        break;
                    default:
                        Find(path, tongue: "1");
                        break;
                }

                Assert.InRange(_store.Bytes, 0, Limit);
            }
        })));
        _store.Sweep(_ => false);
        Assert.Equal((0, 0), (_store.Count, _store.Bytes));
    }

    /// <summary>A request that names two hosts is the application's to make something of.</summary>
    [Fact]
    [Trait("Category", "Attack")]
    public void ARequestWithTwoHostsIsNeitherAnsweredNorKept()
    {
        CachedRequest request = new();
        ResponseCache cache = new(_store, Owner, new ResponseCaching());
        HeaderList head = new HeaderList().Add(":method"u8, "GET"u8).Add(":scheme"u8, "http"u8).Add(":authority"u8, "shop"u8).Add(":path"u8, "/a"u8);
        Assert.Equal((CacheStep.PassOn, CacheResult.Miss), (request.Begin(cache, head, isPlain: true, isAuthorized: false), request.Result));
        head.Add("host"u8, "evil"u8);
        Assert.Equal((CacheStep.PassOn, CacheResult.Bypass), (request.Begin(cache, head, isPlain: true, isAuthorized: false), request.Result));
        request.OnResponse(new HeaderList().AddStatus(200).Add("cache-control"u8, "max-age=60"u8), isEndKnown: true);
        Assert.Null(request.Capture);
    }

    /// <summary>Bodies that are longer or shorter than their heads say are not kept, nor those that have trailers or end with their connection.</summary>
    [Fact]
    [Trait("Category", "Attack")]
    public void OnlyWholeBodiesAreKept()
    {
        foreach ((string? said, string body, bool hasTrailers, bool isEndKnown, bool isKept) in ((string?, string, bool, bool, bool)[])[(null, "0123", false, true, true), ("4", "0123", false, true, true), ("5", "0123", false, true, false), ("3", "0123", false, true, false), (null, "0123", true, true, false), (null, "0123", false, false, false)])
        {
            CachedRequest request = new();
            HeaderList head = new HeaderList().Add(":method"u8, "GET"u8).Add(":authority"u8, "shop"u8).Add(":path"u8, "/a"u8);
            request.Begin(new ResponseCache(_store, Owner, new ResponseCaching()), head, isPlain: true, isAuthorized: false);
            HeaderList response = new HeaderList().AddStatus(200).Add("cache-control"u8, "max-age=60"u8);
            if (said is not null) response.Add("content-length"u8, Encoding.ASCII.GetBytes(said));
            request.OnResponse(response, isEndKnown);
            ResponseCapture? capture = request.TakeCapture();
            capture?.Append(Encoding.ASCII.GetBytes(body));
            capture?.End(hasTrailers ? new HeaderList().Add("x-sum"u8, "1"u8) : null);
            Assert.Equal(isKept ? 1 : 0, _store.Count);
            _store.Sweep(_ => false);
            Assert.Equal(0, _store.Bytes);
        }
    }

    private KeptOwner Owner => _store.OwnerOf("b/bob", new SocketEndPoint(IPAddress.Loopback, 80));

    private static byte[] KeyOf(string path) => Encoding.ASCII.GetBytes(path);

    private static HeaderList Fields(string? tongue) => tongue is null ? new HeaderList() : new HeaderList().Add("x-tongue"u8, Encoding.ASCII.GetBytes(tongue));

    private bool Keep(string path, int length, string? tongue = null) => _store.Keep(Response(path, length, tongue), _store.ChangesOf(KeyOf(path)));

    private KeptResponse? Find(string path, string? tongue = null) => _store.Find(KeyOf(path), new HeaderList(), Fields(tongue));

    private KeptResponse Response(string path, int length, string? tongue = null, KeptOwner? owner = null) => new()
    {
        Owner = owner ?? Owner,
        Key = KeyOf(path),
        Keyed = new HeaderList(),
        VaryNames = tongue is null ? [] : [Encoding.ASCII.GetBytes("x-tongue")],
        VaryFields = Fields(tongue),
        Head = new HeaderList().AddStatus(200),
        Body = new byte[length],
        Freshness = new CacheFreshness(60, 0, AsksAlways: false, IsStrict: false),
        IsForAll = false,
        Received = 0,
    };
}
