using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A Service whose requests are routed by a real proxy to servers that say who they are and what they were asked.</summary>
internal sealed class RoutingLab : IAsyncDisposable
{
    private static readonly ServiceInfo Shop = new() { Name = new("b", "shop"), Vips = [IPAddress.Parse("10.96.0.1")] };

    private readonly HttpProtocols _protocols;
    private readonly string? _declared;
    private readonly Version _version;
    private readonly List<WebApplication> _servers = [];
    private readonly ConcurrentDictionary<string, OutboundRoute> _backends = [];

    /// <summary>Starts the proxy.</summary>
    /// <param name="client">What the client speaks.</param>
    /// <param name="servers">What servers speak.</param>
    /// <param name="configure">Changes options of the proxy.</param>
    /// <param name="port">What the Service says that its port speaks; null: what the client does.</param>
    internal RoutingLab(HttpProtocols client, HttpProtocols servers, Func<ProxyOptions, ProxyOptions>? configure = null, string? port = null)
    {
        _protocols = servers;
        string protocol = port ?? ProtocolOf(client), ofServers = ProtocolOf(servers);
        _declared = ofServers == protocol ? null : ofServers;
        Pair = new ProxyPair(configure);
        Pair.Destination.ApplicationProtocol = ofServers;
        Pair.Source.Route = destination => OutboundRoute.Routed(destination, Shop, protocol);
        Pair.Source.Backend = (service, _) => _backends.TryGetValue(service.Name, out OutboundRoute route) ? route : OutboundRoute.Deny(ProxyFailure.NoServicePort, "none");
        _version = client == HttpProtocols.Http1 ? HttpVersion.Version11 : HttpVersion.Version20;
        Client = MakeClient();
    }

    /// <summary>Another client, with connections of its own.</summary>
    internal HttpClient MakeClient() => new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectCallback = async (_, _) => new System.Net.Sockets.NetworkStream(await Pair.ConnectClientAsync(), ownsSocket: true) })
    {
        BaseAddress = new Uri("http://shop/"),
        DefaultRequestVersion = _version,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    internal ProxyPair Pair { get; }

    internal HttpClient Client { get; }

    /// <summary>How many requests each server has had.</summary>
    internal ConcurrentDictionary<string, int> Asked { get; } = [];

    /// <summary>What servers answer in place of 200.</summary>
    internal ConcurrentDictionary<string, int> Statuses { get; } = [];

    /// <summary>Starts a server, which is the backend Service of its name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="application">What it does; null: it says who it is and what it was asked.</param>
    /// <param name="version">What it speaks, and says that it does; null: what all do.</param>
    internal async Task AddServerAsync(string name, RequestDelegate? application = null, HttpProtocols? version = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(Pair.DestinationAddress, 0, o => o.Protocols = version ?? _protocols));
        WebApplication server = builder.Build();
        server.Run(application ?? (async context =>
        {
            Asked.AddOrUpdate(name, 1, (_, before) => before + 1);
            if (Statuses.TryGetValue(name, out int status)) context.Response.StatusCode = status;
            if (context.Request.Headers.TryGetValue("x-wait", out var wait)) await Task.Delay(int.Parse(wait!, System.Globalization.CultureInfo.InvariantCulture), context.RequestAborted);
            if (context.Request.Headers.ContainsKey("x-fail"))
            {
                if (context.Features.Get<IHttpResetFeature>() is { } resets) resets.Reset(2); // INTERNAL_ERROR
                else context.Abort();
                return;
            }

            string body = await new StreamReader(context.Request.Body).ReadToEndAsync();
            await context.Response.WriteAsync($"{name} {context.Request.Method} {context.Request.Host} {context.Request.Path}{context.Request.QueryString} {context.Request.Headers["x-set"]} {body}".Trim());
        }));
        await server.StartAsync();
        _servers.Add(server);
        _backends[name] = OutboundRoute.Tunnel(Pair.Tunnel, new SocketEndPoint(Pair.DestinationAddress, new Uri(server.Urls.Single()).Port), Pair.Destination.Local!) with { ApplicationProtocol = version is { } other ? ProtocolOf(other) : _declared };
    }

    /// <summary>Starts a server of gRPC, which ends calls with the status that they ask for.</summary>
    internal Task AddGrpcServerAsync(string name) => AddServerAsync(name, async context =>
    {
        context.Response.ContentType = "application/grpc";
        bool hasTrailers = context.Response.SupportsTrailers(); // Kestrel has none in HTTP/1.1
        if (!hasTrailers) context.Response.Headers["grpc-status"] = context.Request.Headers["x-grpc"];
        await context.Response.WriteAsync("hello");
        if (hasTrailers) context.Response.AppendTrailer("grpc-status", context.Request.Headers["x-grpc"]);
    });

    /// <summary>A call of gRPC.</summary>
    /// <param name="status">With what it ends.</param>
    internal HttpRequestMessage Call(string status)
    {
        HttpRequestMessage call = Request(HttpMethod.Post, "/pkg.Shop/Buy");
        call.Content = new ByteArrayContent([1]);
        call.Content.Headers.ContentType = new("application/grpc");
        call.Headers.Add("x-grpc", status);
        return call;
    }

    /// <summary>The port of a backend.</summary>
    internal int PortOf(string name) => _backends[name].Target.Port;

    /// <summary>The servers are of the client's own node, which decides about requests to them then.</summary>
    internal void BringNear()
    {
        Pair.Source.Neighbour = Pair.Destination.Local;
        foreach ((string name, OutboundRoute far) in _backends) _backends[name] = OutboundRoute.Local(far.Target, Pair.Destination.Local!) with { ApplicationProtocol = far.ApplicationProtocol ?? Pair.Destination.ApplicationProtocol };
    }

    /// <summary>The routes have gone: the Service leads to this server.</summary>
    internal void LeadTo(string name)
    {
        Pair.Source.Routes = null;
        Pair.Source.Route = _ => _backends[name];
    }

    /// <summary>A backend Service whose server is at a port where somebody else listens, or nobody.</summary>
    internal void AddBackend(string name, int port) => _backends[name] = OutboundRoute.Tunnel(Pair.Tunnel, new SocketEndPoint(Pair.DestinationAddress, port), Pair.Destination.Local!) with { ApplicationProtocol = _declared };

    /// <summary>Has requests to backends counted, as ones of one port.</summary>
    /// <param name="settings">What holds for them.</param>
    /// <param name="names">Their names.</param>
    internal PortRequests Count(RequestSettings settings, params string[] names)
    {
        PortRequests port = new(Shop.Name, 80, settings, TimeProvider.System, ejected: null);
        foreach (string name in names) Count(port, name);
        return port;
    }

    /// <summary>Makes backends those of one Service, whose requests are counted: each request goes to the first that it has not been tried at, or else to the first.</summary>
    /// <param name="service">The Service.</param>
    /// <param name="settings">What holds for its requests.</param>
    /// <param name="names">Their names.</param>
    internal PortRequests Group(string service, RequestSettings settings, params string[] names)
    {
        foreach (string name in names) _backends[name] = _backends[name] with { Load = new BackendLoad() };
        PortRequests port = Count(settings, names);
        Pair.Source.BackendFor = (asked, traits) =>
        {
            if (asked.Name != service) return null;
            string? untried = names.FirstOrDefault(n => traits.Tried?.Contains(_backends[n].Target) != true);
            return _backends[untried ?? names[0]];
        };
        return port;
    }

    /// <summary>Clients of a backend are given a cookie.</summary>
    internal void GiveCookie(string name, string cookie) => _backends[name] = _backends[name] with { NewCookie = cookie };

    /// <summary>A backend whose requests are counted, as if there had been none.</summary>
    internal BackendRequests CountAnew(string name) => Count(Counted(name).Port, name);

    /// <summary>How many connections a backend has, as one of a group.</summary>
    internal int LoadOf(string name) => _backends[name].Load!.Count;

    /// <summary>What is counted of a backend.</summary>
    internal BackendRequests Counted(string name) => _backends[name].Requests!;

    /// <summary>Policy has changed: waits until both proxies go by what it is now.</summary>
    internal async Task RevalidateAsync()
    {
        foreach (ProxyServer proxy in new[] { Pair.SourceProxy, Pair.DestinationProxy })
        {
            proxy.Revalidate();
            await proxy.GetStatsAsync(); // on each loop behind it
        }
    }

    /// <summary>Waits for something that follows in a moment, as the end of a request at the proxy that its client has seen.</summary>
    internal async Task UntilAsync(Func<bool> isSo)
    {
        for (long began = Stopwatch.GetTimestamp(); !isSo() && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(20);) await Pair.CountAsync();
        Assert.True(isSo());
    }

    private BackendRequests Count(PortRequests port, string name)
    {
        OutboundRoute route = _backends[name];
        BackendRequests backend = new(port, route.Target);
        backend.Siblings = [backend];
        _backends[name] = route with { Requests = backend };
        return backend;
    }

    /// <summary>Puts a route in force, alone.</summary>
    internal void Route(params HttpRouteRule[] rules) => Pair.Source.Routes = new HttpRouteTable([new HttpRouteInfo { Name = new("b", "shop"), Kind = HttpRouteKind.Http, Rules = rules.ToEquatableArray() }]);

    /// <summary>A rule for requests below a path.</summary>
    internal static HttpRouteRule Below(string prefix, params (string Server, int Weight)[] backends) => new()
    {
        Matches = [new HttpRouteMatch { Path = new RoutePath(RoutePathKind.Prefix, prefix) }],
        Backends = backends.Select(b => new HttpRouteBackend(new NamespacedName("b", b.Server), 80, b.Weight)).ToEquatableArray(),
    };

    /// <summary>The body of an answer that is 200.</summary>
    internal async Task<string> GetAsync(string path) => await Client.GetStringAsync(new Uri(path, UriKind.Relative));

    internal HttpRequestMessage Request(HttpMethod method, string path) =>
        new(method, new Uri(path, UriKind.Relative)) { Version = Client.DefaultRequestVersion, VersionPolicy = Client.DefaultVersionPolicy };

    internal static (int Status, string ProxyStatus) Of(HttpResponseMessage response) =>
        ((int)response.StatusCode, response.Headers.TryGetValues("proxy-status", out IEnumerable<string>? values) ? values.Single() : "");

    private static string ProtocolOf(HttpProtocols version) => version == HttpProtocols.Http1 ? "http" : "kubernetes.io/h2c";

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        foreach (WebApplication server in _servers) await server.DisposeAsync();
        await Pair.DisposeAsync();
    }
}
