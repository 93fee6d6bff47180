using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Tests.Shared;

/// <summary>Fails, with its name, where the log of a part is made, which is anywhere in a composition, or where the part first logs, which is anywhere in its work.</summary>
/// <param name="part">How the log's name ends.</param>
/// <param name="atFirstMessage">Whether the log can be made and fails with its first message.</param>
internal sealed class FaultyLoggers(string part, bool atFirstMessage = false) : ILoggerFactory
{
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public ILogger CreateLogger(string categoryName)
    {
        if (!categoryName.EndsWith(part, StringComparison.Ordinal)) return NullLogger.Instance;
        return atFirstMessage ? new FaultyLogger(categoryName) : throw Fault(categoryName);
    }

    public void Dispose()
    {
        // Holds nothing.
    }

    private static NotSupportedException Fault(string categoryName) => new($"no log for {categoryName}");

    private sealed class FaultyLogger(string categoryName) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => throw Fault(categoryName);
    }
}
