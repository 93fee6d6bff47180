using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Tests.Shared;

/// <summary>Fails, with its name, where the log of a part is made, which is anywhere in a composition.</summary>
/// <param name="part">How the log's name ends.</param>
internal sealed class FaultyLoggers(string part) : ILoggerFactory
{
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName) =>
        !categoryName.EndsWith(part, StringComparison.Ordinal) ? NullLogger.Instance : throw new NotSupportedException($"no log for {categoryName}");

    public void Dispose()
    {
        // Holds nothing.
    }
}
