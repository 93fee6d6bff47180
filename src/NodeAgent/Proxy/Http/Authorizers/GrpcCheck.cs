using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol.ExternalAuthorization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Questions and answers of <c>envoy.service.auth.v3.Authorization/Check</c>.</summary>
internal static class GrpcCheck
{
    /// <summary>Puts a question together.</summary>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="connection">The connection that the request goes by.</param>
    /// <param name="request">The request.</param>
    /// <param name="now">When it has come.</param>
    /// <param name="head">Where the question's head goes to.</param>
    /// <returns>Its body.</returns>
    internal static byte[] Compose(ExternalAuthorizer authorizer, in ProxyConnectionInfo connection, HeaderList request, DateTimeOffset now, HeaderList head)
    {
        GrpcMessage.AddHead(head, authorizer.Service, "/envoy.service.auth.v3.Authorization/Check", authorizer.Timeout);
        AttributeContext.Types.HttpRequest http = new()
        {
            Method = GrpcMessage.TextOf(request.Method),
            Path = GrpcMessage.TextOf(request.Path),
            Host = GrpcMessage.TextOf(StreamRequestForm.HostOf(request)),
            Scheme = request.Scheme.IsEmpty ? "http" : GrpcMessage.TextOf(request.Scheme),
            Protocol = connection.Http == HttpKind.Http2 ? "HTTP/2" : "HTTP/1.1",
            Size = request.TryGet("content-length"u8, out ReadOnlySpan<byte> length) && long.TryParse(length, out long size) ? size : -1,
        };
        for (int i = 0; i < request.Count; i++) AddHeader(http, authorizer, request[i]);
        CheckRequest check = new()
        {
            Attributes = new AttributeContext
            {
                Source = PeerOf(connection.Source, connection.SourceIdentity),
                Destination = PeerOf(connection.Target, connection.DestinationIdentity),
                Request = new AttributeContext.Types.Request { Time = Timestamp.FromDateTimeOffset(now), Http = http },
            },
        };
        return GrpcMessage.Frame(check);
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="status">Its status of HTTP.</param>
    /// <param name="fields">Its head and trailers.</param>
    /// <param name="body">Its body.</param>
    /// <param name="limits">What it may have.</param>
    internal static AuthorizerAnswer Read(int status, HeaderList fields, ReadOnlySpan<byte> body, AuthorizerLimits limits)
    {
        if (GrpcMessage.Read(status, fields, body, out ReadOnlySpan<byte> message, out int grpcStatus) is { } wrong) return AuthorizerAnswer.Failed(wrong, isOfRequest: grpcStatus is 16 or 8); // UNAUTHENTICATED and RESOURCE_EXHAUSTED clients can bring about
        try
        {
            return Read(CheckResponse.Parser.ParseFrom(message), limits);
        }
        catch (InvalidProtocolBufferException)
        {
            return AuthorizerAnswer.Failed("its answer is no CheckResponse");
        }
    }

    private static AuthorizerAnswer Read(CheckResponse response, AuthorizerLimits limits)
    {
        if (response.HttpResponseCase == CheckResponse.HttpResponseOneofCase.ErrorResponse) return AuthorizerAnswer.Failed("it answers with an error of its own");
        return (response.Status?.Code ?? 0) == 0 ? ReadAllowed(response.OkResponse ?? new OkHttpResponse(), limits) : ReadDenied(response.DeniedResponse ?? new DeniedHttpResponse(), limits);
    }

    // Without its changes a request that it allows must not pass.
    private static AuthorizerAnswer ReadAllowed(OkHttpResponse ok, AuthorizerLimits limits)
    {
        if (ok.ResponseHeadersToAdd.Count > 0) return AuthorizerAnswer.Failed("it has headers for the response, which is not supported", isOfRequest: true);
        if (ok.QueryParametersToSet.Count + ok.QueryParametersToRemove.Count > 0) return AuthorizerAnswer.Failed("it changes the query, which is not supported", isOfRequest: true);
        FieldRoom room = new(limits);
        List<HeadEdit> edits = [];
        foreach (HeaderValueOption option in ok.Headers)
        {
            (byte[] name, byte[] value) = FieldOf(option);
            if (!room.TryTake(name, value)) return AuthorizerAnswer.Failed(room.Refusal!, isOfRequest: true);
            if (!FieldForm.IsChangeable(name) || !FieldForm.IsValue(value)) return AuthorizerAnswer.Failed("it has a header for the request that is none, or that may not be set", isOfRequest: true);
            if (value.Length > 0 || option.KeepEmptyValue) edits.Add(new HeadEdit(KindOf(option), name, value));
        }

        foreach (string name in ok.HeadersToRemove)
        {
            byte[] lower = Encoding.UTF8.GetBytes(name.ToLowerInvariant());
            if (!room.TryTake(lower, [])) return AuthorizerAnswer.Failed(room.Refusal!, isOfRequest: true);
            if (FieldForm.IsChangeable(lower)) edits.Add(new HeadEdit(HeadEditKind.Remove, lower, [])); // of others nothing is removed
        }

        return AuthorizerAnswer.Allowed(edits);
    }

    // A denial is one whatever of it is no answer for a client.
    private static AuthorizerAnswer ReadDenied(DeniedHttpResponse denied, AuthorizerLimits limits)
    {
        int status = denied.Status?.Code is { } said and >= 200 and <= 599 ? said : 403;
        FieldRoom room = new(limits);
        HeaderList fields = new();
        foreach (HeaderValueOption option in denied.Headers)
        {
            (byte[] name, byte[] value) = FieldOf(option);
            if (room.TryTake(name, value) && FieldForm.IsChangeable(name) && FieldForm.IsValue(value)) new HeadEdit(KindOf(option), name, value).ApplyTo(fields);
        }

        byte[] body = Encoding.UTF8.GetBytes(denied.Body);
        return AuthorizerAnswer.Refused(status, new DeniedAnswer(fields, body.Length > limits.MaxDenial ? [] : body));
    }

    // Unlike elsewhere in Envoy, not to say whether a header is appended means that it is not.
    private static HeadEditKind KindOf(HeaderValueOption option) => option.Append is { } append
        ? append.Value ? HeadEditKind.Append : HeadEditKind.Overwrite
        : option.AppendAction switch
        {
            HeaderValueOption.Types.AppendAction.AddIfAbsent => HeadEditKind.AddIfAbsent,
            HeaderValueOption.Types.AppendAction.OverwriteIfExists => HeadEditKind.OverwriteIfThere,
            _ => HeadEditKind.Overwrite,
        };

    private static (byte[] Name, byte[] Value) FieldOf(HeaderValueOption option) =>
        (Encoding.UTF8.GetBytes(option.Header?.Key.ToLowerInvariant() ?? ""), option.Header is not { } header ? [] : header.RawValue.IsEmpty ? Encoding.UTF8.GetBytes(header.Value) : header.RawValue.ToByteArray());

    private static void AddHeader(AttributeContext.Types.HttpRequest http, ExternalAuthorizer authorizer, in HeaderView field)
    {
        string name = GrpcMessage.TextOf(field.Name);
        if (field.Name[0] == ':' || (!authorizer.RequestHeaders.IsEmpty && !authorizer.RequestHeaders.AsSpan().Contains(name))) return;
        string value = GrpcMessage.TextOf(field.Value);
        http.Headers[name] = http.Headers.TryGetValue(name, out string? before) ? $"{before}{(name == "cookie" ? "; " : ",")}{value}" : value;
    }

    private static AttributeContext.Types.Peer PeerOf(in SocketEndPoint address, SpiffeId? identity) => new()
    {
        Address = new Address { SocketAddress = new SocketAddress { Address = address.ToIPAddress().ToString(), PortValue = address.Port } },
        Principal = identity?.ToString() ?? "",
    };
}
