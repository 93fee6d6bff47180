using System.Net;
using System.Text.Json;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Kubernetes.Errors;

/// <summary>Makes exceptions of what the server says went wrong.</summary>
internal static class StatusReader
{
    // It may quote an object of a user's.
    private const int LongestMessage = 2048;
    private const int MostCauses = 32;

    // Nobody who answers, a proxy in between for one, has work stand still for days.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <summary>Of an answer whose code says that it failed.</summary>
    /// <param name="what">What was asked, for the message.</param>
    /// <param name="code">Code of the answer.</param>
    /// <param name="body">What came with it; often a Status, from a proxy in between anything.</param>
    /// <param name="retryAfter">What its header says.</param>
    public static ApiException Read(string what, HttpStatusCode code, ReadOnlySpan<byte> body, TimeSpan? retryAfter)
    {
        V1Status? status = Parse(body);
        return status is { Kind: "Status" } ? Of(what, status, code, retryAfter) : new(ReasonOf(null, code), $"{what}: the server answered {(int)code} {code}")
        {
            StatusCode = code,
            RetryAfter = Bound(retryAfter),
        };
    }

    /// <summary>Of an error in the middle of a watch.</summary>
    public static ApiException Read(string what, V1Status? status) => status is not null
        ? Of(what, status, (HttpStatusCode)(status.Code ?? 0), null)
        : new(ApiFailure.BadResponse, $"{what}: the server said ERROR and nothing that is understood");

    private static V1Status? Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, ObjectJson.Of<V1Status>());
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ApiException Of(string what, V1Status status, HttpStatusCode code, TimeSpan? retryAfter)
    {
        TimeSpan? wait = retryAfter ?? (status.Details?.RetryAfterSeconds is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null);
        ApiFailure failure = ReasonOf(status.Reason, code);
        return new(failure, $"{what}: {Shorten(status.Message) ?? status.Reason ?? code.ToString()}")
        {
            MissingVerb = failure == ApiFailure.Forbidden ? RefusalReader.Read(status) : null,
            StatusCode = (int)code > 0 ? code : null,
            RetryAfter = Bound(wait),
            Causes = [.. (status.Details?.Causes ?? Array.Empty<V1StatusCause>()).Take(MostCauses).Select(c => new ApiCause(c.Field ?? "", c.Reason ?? "", Shorten(c.Message) ?? ""))],
        };
    }

    private static TimeSpan? Bound(TimeSpan? wait) => wait > LongestWait ? LongestWait : wait;

    private static string? Shorten(string? message) =>
        string.IsNullOrEmpty(message) ? null : message.Length <= LongestMessage ? message : message[..LongestMessage] + "…";

    // The reason tells apart what shares a code; proxies in between say only the code.
    private static ApiFailure ReasonOf(string? reason, HttpStatusCode code) => (reason, (int)code) switch
    {
        ("AlreadyExists", _) => ApiFailure.AlreadyExists,
        ("Conflict", _) => ApiFailure.Conflict,
        ("Expired" or "Gone", _) => ApiFailure.Expired,
        ("Timeout" or "ServerTimeout", _) => ApiFailure.ServerTimeout,
        ("Invalid", _) => ApiFailure.Invalid,
        (_, 400) => ApiFailure.BadRequest,
        (_, 401) => ApiFailure.Unauthorized,
        (_, 403) => ApiFailure.Forbidden,
        (_, 404) => ApiFailure.NotFound,
        (_, 405) => ApiFailure.MethodNotAllowed,
        (_, 409) => ApiFailure.Conflict,
        (_, 410) => ApiFailure.Expired,
        (_, 413) => ApiFailure.TooLarge,
        (_, 415) => ApiFailure.UnsupportedMediaType,
        (_, 422) => ApiFailure.Invalid,
        (_, 429) => ApiFailure.TooManyRequests,
        (_, 500) => ApiFailure.ServerError,
        (_, 502 or 503) => ApiFailure.Unavailable,
        (_, 504) => ApiFailure.ServerTimeout,
        _ => ApiFailure.Other,
    };
}
