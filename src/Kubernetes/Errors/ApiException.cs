using System.Net;

namespace Culvert.Kubernetes.Errors;

/// <summary>A request to the API failed.</summary>
/// <param name="failure">Why.</param>
/// <param name="message">The same for people: what was asked, and what the server said.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class ApiException(ApiFailure failure, string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Why.</summary>
    public ApiFailure Failure { get; } = failure;

    /// <summary>What the server answered with; null where it did not answer.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>What roles lack; null where nothing was refused, or for another reason than roles.</summary>
    public MissingVerb? MissingVerb { get; init; }

    /// <summary>When to ask again at the earliest, where the server says so; at most 10 minutes of it count.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What is wrong in particular, where the server says so.</summary>
    public IReadOnlyList<ApiCause> Causes { get; init; } = [];

    /// <summary>Whether the same request may succeed later although nobody changes anything.</summary>
    public bool IsTransient => Failure is ApiFailure.TooManyRequests or ApiFailure.ServerError or ApiFailure.Unavailable or ApiFailure.ServerTimeout
        or ApiFailure.Unreachable or ApiFailure.TimedOut;
}
