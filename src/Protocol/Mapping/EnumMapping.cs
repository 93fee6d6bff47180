using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Enums between model and wire. A value the wire may not carry throws <see cref="FormatException"/>.</summary>
internal static class EnumMapping
{
    public static Wire.DefaultAction ToWire(this DefaultAction value) =>
        value == DefaultAction.Allow ? Wire.DefaultAction.Allow : Wire.DefaultAction.Deny;

    public static DefaultAction ToModel(this Wire.DefaultAction value) => value switch
    {
        Wire.DefaultAction.Allow => DefaultAction.Allow,
        Wire.DefaultAction.Deny => DefaultAction.Deny,
        _ => throw new FormatException($"default_action {value} is not known"),
    };

    public static Wire.MtlsMode ToWire(this MtlsMode value) => value == MtlsMode.Strict ? Wire.MtlsMode.Strict : Wire.MtlsMode.Permissive;

    public static MtlsMode ToModel(this Wire.MtlsMode value) => value switch
    {
        Wire.MtlsMode.Permissive => MtlsMode.Permissive,
        Wire.MtlsMode.Strict => MtlsMode.Strict,
        _ => throw new FormatException($"mtls_mode {value} is not known"),
    };

    public static Wire.PolicyAction ToWire(this PolicyAction value) => value switch
    {
        PolicyAction.Allow => Wire.PolicyAction.Allow,
        PolicyAction.Deny => Wire.PolicyAction.Deny,
        PolicyAction.Limit => Wire.PolicyAction.Limit,
        PolicyAction.Custom => Wire.PolicyAction.Custom,
        _ => Wire.PolicyAction.Audit,
    };

    public static Wire.NetworkPolicyMode ToWire(this NetworkPolicyMode value) =>
        value == NetworkPolicyMode.Report ? Wire.NetworkPolicyMode.Report : Wire.NetworkPolicyMode.Enforce;

    public static NetworkPolicyMode ToModel(this Wire.NetworkPolicyMode value) => value switch
    {
        Wire.NetworkPolicyMode.Enforce => NetworkPolicyMode.Enforce,
        Wire.NetworkPolicyMode.Report => NetworkPolicyMode.Report,
        _ => throw new FormatException($"network_policy {value} is not known"),
    };

    public static Wire.DirectPath ToWire(this DirectPath value) => value switch
    {
        DirectPath.Redirect => Wire.DirectPath.Redirect,
        DirectPath.HostStack => Wire.DirectPath.HostStack,
        _ => Wire.DirectPath.Auto,
    };

    public static DirectPath ToModel(this Wire.DirectPath value) => value switch
    {
        Wire.DirectPath.Auto => DirectPath.Auto,
        Wire.DirectPath.Redirect => DirectPath.Redirect,
        Wire.DirectPath.HostStack => DirectPath.HostStack,
        _ => throw new FormatException($"direct_path {value} is not known"),
    };

    public static Wire.TunnelSource ToWire(this TunnelSource value) => value switch
    {
        TunnelSource.Node => Wire.TunnelSource.Node,
        TunnelSource.Pod => Wire.TunnelSource.Pod,
        _ => Wire.TunnelSource.Auto,
    };

    public static TunnelSource ToModel(this Wire.TunnelSource value) => value switch
    {
        Wire.TunnelSource.Auto => TunnelSource.Auto,
        Wire.TunnelSource.Node => TunnelSource.Node,
        Wire.TunnelSource.Pod => TunnelSource.Pod,
        _ => throw new FormatException($"tunnel_source {value} is not known"),
    };

    public static Wire.AccessLogMode ToWire(this AccessLogMode value) => value switch
    {
        AccessLogMode.Errors => Wire.AccessLogMode.Errors,
        AccessLogMode.All => Wire.AccessLogMode.All,
        _ => Wire.AccessLogMode.Disabled,
    };

    public static AccessLogMode ToModel(this Wire.AccessLogMode value) => value switch
    {
        Wire.AccessLogMode.Disabled => AccessLogMode.Disabled,
        Wire.AccessLogMode.Errors => AccessLogMode.Errors,
        Wire.AccessLogMode.All => AccessLogMode.All,
        _ => throw new FormatException($"access_log.mode {value} is not known"),
    };

    public static Wire.AccessLogFormat ToWire(this AccessLogFormat value) => value == AccessLogFormat.Text ? Wire.AccessLogFormat.Text : Wire.AccessLogFormat.Json;

    public static AccessLogFormat ToModel(this Wire.AccessLogFormat value) => value switch
    {
        Wire.AccessLogFormat.Json => AccessLogFormat.Json,
        Wire.AccessLogFormat.Text => AccessLogFormat.Text,
        _ => throw new FormatException($"access_log.format {value} is not known"),
    };

    public static PolicyAction ToModel(this Wire.PolicyAction value) => value switch
    {
        Wire.PolicyAction.Allow => PolicyAction.Allow,
        Wire.PolicyAction.Deny => PolicyAction.Deny,
        Wire.PolicyAction.Audit => PolicyAction.Audit,
        Wire.PolicyAction.Limit => PolicyAction.Limit,
        Wire.PolicyAction.Custom => PolicyAction.Custom,
        _ => throw new FormatException($"action {value} is not known"),
    };

    public static TransportProtocol ToModel(this Wire.TransportProtocol value) => value switch
    {
        Wire.TransportProtocol.Tcp => TransportProtocol.Tcp,
        Wire.TransportProtocol.Udp => TransportProtocol.Udp,
        _ => throw new FormatException($"protocol {value} is not known"),
    };

    public static Wire.LoadBalancing ToWire(this LoadBalancing value) => value switch
    {
        LoadBalancing.RoundRobin => Wire.LoadBalancing.RoundRobin,
        LoadBalancing.LeastConnections => Wire.LoadBalancing.LeastConnections,
        LoadBalancing.SourceHash => Wire.LoadBalancing.SourceHash,
        LoadBalancing.Random => Wire.LoadBalancing.Random,
        _ => throw new InvalidOperationException($"{value} has no wire form"),
    };

    public static LoadBalancing ToModel(this Wire.LoadBalancing value) => value switch
    {
        Wire.LoadBalancing.Random => LoadBalancing.Random,
        Wire.LoadBalancing.RoundRobin => LoadBalancing.RoundRobin,
        Wire.LoadBalancing.LeastConnections => LoadBalancing.LeastConnections,
        Wire.LoadBalancing.SourceHash => LoadBalancing.SourceHash,
        _ => throw new FormatException($"load_balancing {value} is not known"),
    };

    public static Wire.HttpRouteKind ToWire(this HttpRouteKind value) => value == HttpRouteKind.Grpc ? Wire.HttpRouteKind.Grpc : Wire.HttpRouteKind.Http;

    public static HttpRouteKind ToModel(this Wire.HttpRouteKind value) => value switch
    {
        Wire.HttpRouteKind.Grpc => HttpRouteKind.Grpc,
        Wire.HttpRouteKind.Http => HttpRouteKind.Http,
        _ => throw new FormatException($"kind {value} of a route is not known"),
    };

    public static Wire.RoutePathKind ToWire(this RoutePathKind value) => value switch
    {
        RoutePathKind.Exact => Wire.RoutePathKind.Exact,
        RoutePathKind.Prefix => Wire.RoutePathKind.Prefix,
        RoutePathKind.Expression => Wire.RoutePathKind.Expression,
        RoutePathKind.GrpcMethod => Wire.RoutePathKind.GrpcMethod,
        _ => throw new InvalidOperationException($"{value} has no wire form"),
    };

    public static RoutePathKind ToModel(this Wire.RoutePathKind value) => value switch
    {
        Wire.RoutePathKind.Exact => RoutePathKind.Exact,
        Wire.RoutePathKind.Prefix => RoutePathKind.Prefix,
        Wire.RoutePathKind.Expression => RoutePathKind.Expression,
        Wire.RoutePathKind.GrpcMethod => RoutePathKind.GrpcMethod,
        _ => throw new FormatException($"path_kind {value} is not known"),
    };

    public static Wire.RequestBalancingMode ToWire(this RequestBalancingMode value) => value switch
    {
        RequestBalancingMode.RoundRobin => Wire.RequestBalancingMode.RoundRobin,
        RequestBalancingMode.LeastRequests => Wire.RequestBalancingMode.LeastRequests,
        RequestBalancingMode.LeastTime => Wire.RequestBalancingMode.LeastTime,
        RequestBalancingMode.Hash => Wire.RequestBalancingMode.Hash,
        _ => Wire.RequestBalancingMode.Random,
    };

    public static RequestBalancingMode ToModel(this Wire.RequestBalancingMode value) => value switch
    {
        Wire.RequestBalancingMode.Random => RequestBalancingMode.Random,
        Wire.RequestBalancingMode.RoundRobin => RequestBalancingMode.RoundRobin,
        Wire.RequestBalancingMode.LeastRequests => RequestBalancingMode.LeastRequests,
        Wire.RequestBalancingMode.LeastTime => RequestBalancingMode.LeastTime,
        Wire.RequestBalancingMode.Hash => RequestBalancingMode.Hash,
        _ => throw new FormatException($"mode {value} of balancing is not known"),
    };

    public static Wire.HealthCheckKind ToWire(this HealthCheckKind value) => value switch
    {
        HealthCheckKind.Grpc => Wire.HealthCheckKind.Grpc,
        HealthCheckKind.Tcp => Wire.HealthCheckKind.Tcp,
        _ => Wire.HealthCheckKind.Http,
    };

    public static HealthCheckKind ToModel(this Wire.HealthCheckKind value) => value switch
    {
        Wire.HealthCheckKind.Http => HealthCheckKind.Http,
        Wire.HealthCheckKind.Grpc => HealthCheckKind.Grpc,
        Wire.HealthCheckKind.Tcp => HealthCheckKind.Tcp,
        _ => throw new FormatException($"kind {value} of health checks is not known"),
    };
}
