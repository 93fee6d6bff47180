using Culvert.Core;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>External authorizers between model and wire.</summary>
internal static class ExternalAuthorizerMapping
{
    /// <summary>The wire form of an authorizer.</summary>
    internal static Wire.ExternalAuthorizer ToWire(this ExternalAuthorizer authorizer) => new()
    {
        Name = authorizer.Name,
        ServiceNamespace = authorizer.Service.Namespace,
        ServiceName = authorizer.Service.Name,
        Port = authorizer.Port,
        Protocol = authorizer.Protocol == ExternalAuthorizerProtocol.Http ? Wire.ExternalAuthorizerProtocol.Http : Wire.ExternalAuthorizerProtocol.Grpc,
        Timeout = authorizer.Timeout.ToDuration(),
        AllowsOnFailure = authorizer.AllowsOnFailure,
        PathPrefix = authorizer.PathPrefix,
        RequestHeaders = { authorizer.RequestHeaders },
        UpstreamHeaders = { authorizer.UpstreamHeaders },
        DownstreamHeaders = { authorizer.DownstreamHeaders },
    };

    /// <summary>The model of an authorizer.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static ExternalAuthorizer ToModel(this Wire.ExternalAuthorizer authorizer) => new()
    {
        Name = FieldMapping.Required(authorizer.Name, "name"),
        Service = FieldMapping.ToName(authorizer.ServiceNamespace, authorizer.ServiceName),
        Port = authorizer.Port is > 0 and <= ushort.MaxValue ? (ushort)authorizer.Port : throw new FormatException($"port: {authorizer.Port} is no port"),
        Protocol = authorizer.Protocol switch
        {
            Wire.ExternalAuthorizerProtocol.Grpc => ExternalAuthorizerProtocol.Grpc,
            Wire.ExternalAuthorizerProtocol.Http => ExternalAuthorizerProtocol.Http,
            _ => throw new FormatException($"protocol: {authorizer.Protocol} is not known"),
        },
        Timeout = ToTimeout(authorizer.Timeout),
        AllowsOnFailure = authorizer.AllowsOnFailure,
        PathPrefix = authorizer.PathPrefix,
        RequestHeaders = ToNames(authorizer.RequestHeaders),
        UpstreamHeaders = ToNames(authorizer.UpstreamHeaders),
        DownstreamHeaders = ToNames(authorizer.DownstreamHeaders),
    };

    private static TimeSpan ToTimeout(Duration? timeout) => timeout?.ToTimeSpan() is { } read && read >= ExternalAuthorizer.ShortestTimeout && read <= ExternalAuthorizer.LongestTimeout
        ? read
        : throw new FormatException("timeout: is not within 1ms..30s");

    private static EquatableArray<string> ToNames(RepeatedField<string> names) => names.Count <= ExternalAuthorizer.MostHeaders
        ? names.ToEquatableArray()
        : throw new FormatException($"there are more than {ExternalAuthorizer.MostHeaders} headers");
}
