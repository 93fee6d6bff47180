using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Culvert.Tests.Shared;

/// <summary>Keeps the messages of a level, warning unless said otherwise, and worse. Safe for any number of threads.</summary>
internal sealed class LineLogger(ConcurrentQueue<string> lines, LogLevel lowest = LogLevel.Warning) : ILoggerProvider, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= lowest;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) lines.Enqueue(formatter(state, exception));
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
