namespace Culvert.Core;

/// <summary>When a request is tried again.</summary>
/// <param name="Attempts">How often at most, beside the first try: 1 or more.</param>
/// <param name="Codes">The statuses of responses for which it is: 400 to 599.</param>
/// <param name="Backoff">How long is waited at least before the next try; null: not at all.</param>
public sealed record HttpRouteRetry(int Attempts, EquatableArray<int> Codes, TimeSpan? Backoff = null);
