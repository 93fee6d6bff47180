using System.Globalization;
using System.Net.Http.Headers;

namespace Culvert.Grpc;

/// <summary>Reads status and metadata from the headers or trailers of a response.</summary>
internal static class ResponseHeaders
{
    internal static string? Get(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out HeaderStringValues values) ? values.ToString() : null;

    /// <summary>Reads <c>grpc-status</c> and <c>grpc-message</c>.</summary>
    /// <returns>False when there is no <c>grpc-status</c>.</returns>
    internal static bool TryGetStatus(HttpHeaders headers, out Status status)
    {
        status = default;
        if (Get(headers, GrpcProtocol.StatusTrailer) is not { } text)
        {
            return false;
        }

        string detail = PercentEncoding.Decode(Get(headers, GrpcProtocol.MessageTrailer) ?? string.Empty);
        status = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code)
            ? new Status(code <= (int)StatusCode.Unauthenticated ? (StatusCode)code : StatusCode.Unknown, detail)
            : new Status(StatusCode.Unknown, "The server sent a grpc-status that is not a number.");
        return true;
    }

    internal static Metadata ToMetadata(HttpHeaders headers)
    {
        Metadata metadata = [];
        foreach ((string key, HeaderStringValues values) in headers.NonValidated)
        {
            if (MetadataEncoding.IsReserved(key))
            {
                continue;
            }

            foreach (string value in values)
            {
                MetadataEncoding.AddReceived(metadata, key, value);
            }
        }

        return metadata;
    }
}
