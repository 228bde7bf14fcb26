using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Service;

/// <summary>
/// Writes one line per event to a writer, with the level that journald understands in front (sd-daemon(3)). A whole logging
/// stack for a few lines a day would cost more memory than the rest of an idle daemon. Safe for concurrent use.
/// </summary>
sealed class LineLogger(TextWriter writer, bool priorities, LogLevel minimum = LogLevel.Information) : ILogger
{
    readonly Lock _gate = new();

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum && logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        var text = formatter(state, exception).ReplaceLineEndings(" ");
        var prefix = !priorities ? "" : logLevel switch
        {
            LogLevel.Critical => "<2>",
            LogLevel.Error => "<3>",
            LogLevel.Warning => "<4>",
            LogLevel.Information => "<6>",
            _ => "<7>",
        };
        lock (_gate)
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{prefix}mesh[{eventId.Id}] {logLevel switch { <= LogLevel.Debug => "debug", LogLevel.Information => "info", LogLevel.Warning => "warn", _ => "fail" }}: {text}"));
    }
}
