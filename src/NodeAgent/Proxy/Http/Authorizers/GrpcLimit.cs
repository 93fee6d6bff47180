using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol.RateLimitService;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Descriptor = Culvert.Protocol.RateLimitService.RateLimitDescriptor;
using HeaderValue = Culvert.Protocol.RateLimitService.HeaderValue;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Questions and answers of <c>envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit</c>.</summary>
internal static class GrpcLimit
{
    // Most bytes of a value. What is longer is cut off: who sends much must not have the question fail.
    private const int MostOfValue = 1024;

    /// <summary>Puts a question together.</summary>
    /// <param name="limit">Who is asked, and what.</param>
    /// <param name="connection">The connection that the request goes by.</param>
    /// <param name="request">The request, as its server would get it.</param>
    /// <param name="head">Where the question's head goes to.</param>
    /// <returns>Its body; null: there is nothing to ask, as the request has nothing of it.</returns>
    internal static byte[]? Compose(GlobalRateLimit limit, in ProxyConnectionInfo connection, HeaderList request, HeaderList head)
    {
        if (Ascii.Equals(RequestPath.WithoutQuery(request.Path), GlobalRateLimit.Path)) return null;
        RateLimitRequest question = new() { Domain = limit.Domain, HitsAddend = (uint)limit.Hits };
        foreach (Core.RateLimitDescriptor descriptor in limit.Descriptors)
        {
            if (DescriptorOf(descriptor, connection, request) is { } known) question.Descriptors.Add(known);
        }

        if (question.Descriptors.Count == 0) return null;
        GrpcMessage.AddHead(head, limit.Service, GlobalRateLimit.Path, limit.Timeout);
        return GrpcMessage.Frame(question);
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="status">Its status of HTTP.</param>
    /// <param name="fields">Its head and trailers.</param>
    /// <param name="body">Its body.</param>
    /// <param name="limits">What it may have.</param>
    internal static LimitAnswer Read(int status, HeaderList fields, ReadOnlySpan<byte> body, AuthorizerLimits limits)
    {
        if (GrpcMessage.Read(status, fields, body, out ReadOnlySpan<byte> message, out int grpcStatus) is { } wrong) return LimitAnswer.Failed(wrong, isOfRequest: grpcStatus is 16 or 8); // UNAUTHENTICATED and RESOURCE_EXHAUSTED clients can bring about
        try
        {
            RateLimitResponse response = RateLimitResponse.Parser.ParseFrom(message);
            return response.OverallCode switch
            {
                RateLimitResponse.Types.Code.Ok => ReadWithin(response, limits) with { Quota = QuotaOf(response) },
                RateLimitResponse.Types.Code.OverLimit => LimitAnswer.Over(ReadOver(response, limits)) with { Quota = QuotaOf(response) },
                _ => LimitAnswer.Failed($"its answer has the code {(int)response.OverallCode}, which is none"),
            };
        }
        catch (InvalidProtocolBufferException)
        {
            return LimitAnswer.Failed("its answer is no RateLimitResponse");
        }
    }

    private static LimitAnswer ReadWithin(RateLimitResponse response, AuthorizerLimits limits)
    {
        FieldRoom room = new(limits);
        List<HeadEdit> edits = [];
        foreach (HeaderValue header in response.RequestHeadersToAdd)
        {
            (byte[] name, byte[] value) = FieldOf(header);
            if (!room.TryTake(name, value)) return LimitAnswer.Failed(room.Refusal!);
            if (!FieldForm.IsChangeable(name) || !FieldForm.IsValue(value)) return LimitAnswer.Failed("it has a header for the request that is none, or that may not be set");
            edits.Add(new HeadEdit(HeadEditKind.Overwrite, name, value));
        }

        return LimitAnswer.Within(edits);
    }

    // One too many is so whatever of it is no answer for a client.
    private static DeniedAnswer ReadOver(RateLimitResponse response, AuthorizerLimits limits)
    {
        FieldRoom room = new(limits);
        HeaderList fields = new();
        foreach (HeaderValue header in response.ResponseHeadersToAdd)
        {
            (byte[] name, byte[] value) = FieldOf(header);
            if (room.TryTake(name, value) && FieldForm.IsChangeable(name) && FieldForm.IsValue(value)) fields.Add(name, value);
        }

        if (!fields.TryGet("retry-after"u8, out _) && WaitOf(response) is { } wait) fields.Add("retry-after"u8, Encoding.ASCII.GetBytes(wait.ToString(CultureInfo.InvariantCulture)));
        return new DeniedAnswer(fields, response.RawBody.Length > limits.MaxDenial ? ReadOnlyMemory<byte>.Empty : response.RawBody.Memory);
    }

    // Of all descriptors together, or what each of them has.
    private static (uint Requests, DateTimeOffset Until)? QuotaOf(RateLimitResponse response)
    {
        RateLimitResponse.Types.Quota?[] quotas = response.Quota is { } whole ? [whole] : [.. response.Statuses.Select(s => s.Quota)];
        if (quotas.Length == 0 || !quotas.All(q => q is { Requests: > 0, ValidUntil: not null } && IsTime(q.ValidUntil))) return null;
        return (quotas.Min(q => q!.Requests), quotas.Min(q => q!.ValidUntil.ToDateTimeOffset()));
    }

    // Of the years 1 to 9999, as the type has it.
    private static bool IsTime(Timestamp time) => time.Seconds is >= -62135596800 and <= 253402300799 && time.Nanos is >= 0 and < 1_000_000_000;

    // In whole seconds, until all that are over have room again.
    private static long? WaitOf(RateLimitResponse response)
    {
        long longest = response.Statuses.Where(s => s.Code == RateLimitResponse.Types.Code.OverLimit && s.DurationUntilReset is not null).Select(s => s.DurationUntilReset.Seconds + (s.DurationUntilReset.Nanos > 0 ? 1 : 0)).DefaultIfEmpty(0).Max();
        return longest > 0 ? longest : null;
    }

    private static Descriptor? DescriptorOf(Core.RateLimitDescriptor descriptor, in ProxyConnectionInfo connection, HeaderList request)
    {
        Descriptor made = new();
        foreach (RateLimitEntry entry in descriptor.Entries)
        {
            if (ValueOf(entry, connection, request) is not { } value) return null;
            made.Entries.Add(new Descriptor.Types.Entry { Key = entry.Key, Value = value });
        }

        return made;
    }

    private static string? ValueOf(RateLimitEntry entry, in ProxyConnectionInfo connection, HeaderList request) => entry.From switch
    {
        RateLimitValue.Fixed => entry.Value,
        RateLimitValue.Header => request.TryGet(Encoding.ASCII.GetBytes(entry.Header), out ReadOnlySpan<byte> value) ? Cut(value) : null,
        RateLimitValue.Identity => connection.SourceIdentity?.ToString(),
        RateLimitValue.Address => connection.Source.ToIPAddress().ToString(),
        RateLimitValue.Method => Cut(request.Method),
        RateLimitValue.Host => Cut(StreamRequestForm.HostOf(request)),
        _ => Cut(RequestPath.WithoutQuery(request.Path)),
    };

    private static string Cut(ReadOnlySpan<byte> value) => GrpcMessage.TextOf(value[..Math.Min(value.Length, MostOfValue)]);

    private static (byte[] Name, byte[] Value) FieldOf(HeaderValue header) =>
        (Encoding.UTF8.GetBytes(header.Key.ToLowerInvariant()), header.RawValue.IsEmpty ? Encoding.UTF8.GetBytes(header.Value) : header.RawValue.ToByteArray());
}
