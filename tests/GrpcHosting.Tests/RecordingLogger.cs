using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Keeps what is logged at <see cref="Least"/> and above.</summary>
internal sealed class RecordingLogger : ILoggerProvider
{
    internal ConcurrentQueue<(LogLevel Level, string Text, Exception? Exception)> Entries { get; } = new();

    internal LogLevel Least { get; set; } = LogLevel.Error;

    /// <summary>How the categories begin that are kept; empty: all.</summary>
    internal string Category { get; set; } = "";

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(RecordingLogger owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= owner.Least && category.StartsWith(owner.Category, StringComparison.Ordinal);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) owner.Entries.Enqueue((logLevel, formatter(state, exception), exception));
        }
    }
}
