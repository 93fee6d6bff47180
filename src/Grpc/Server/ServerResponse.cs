using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Culvert.Grpc;

/// <summary>Writes status and metadata of responses.</summary>
internal static class ServerResponse
{
    /// <summary>Answers requests that are not gRPC with an HTTP error.</summary>
    /// <returns>Whether the request was rejected.</returns>
    internal static bool RejectNonGrpc(HttpContext context)
    {
        if (!HttpProtocol.IsHttp2(context.Request.Protocol))
        {
            context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
            context.Response.Headers.Upgrade = "HTTP/2";
            return true;
        }

        if (!GrpcProtocol.IsGrpcContentType(context.Request.ContentType))
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            return true;
        }

        return false;
    }

    /// <summary>Puts the status into the headers: the response has nothing else.</summary>
    internal static void WriteTrailersOnly(HttpResponse response, Status status, Metadata trailers)
    {
        response.ContentType = GrpcProtocol.ContentType;
        Append(response.Headers, status, trailers);
    }

    internal static void Append(IHeaderDictionary target, Status status, Metadata trailers)
    {
        target[GrpcProtocol.StatusTrailer] = ((int)status.StatusCode).ToString(CultureInfo.InvariantCulture);
        if (!string.IsNullOrEmpty(status.Detail))
        {
            target[GrpcProtocol.MessageTrailer] = PercentEncoding.Encode(status.Detail);
        }

        Append(target, trailers);
    }

    internal static void Append(IHeaderDictionary target, Metadata metadata)
    {
        foreach (Metadata.Entry entry in metadata)
        {
            if (!MetadataEncoding.IsReserved(entry.Key))
            {
                // Not Append: it leaves out empty values.
                target[entry.Key] = StringValues.Concat(target[entry.Key], new StringValues(MetadataEncoding.EncodeValue(entry)));
            }
        }
    }
}
