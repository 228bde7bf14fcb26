using System.Globalization;

namespace Mesh.Actors.Engine.Configuration;

/// <summary>Durations and sizes (HOCON specification, "Units format").</summary>
internal static class HoconUnits
{
    /// <summary>A number with a unit; a bare number is milliseconds; <c>infinite</c> is <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = default;
        var trimmed = text.Trim();
        if (trimmed is "infinite")
        {
            duration = Timeout.InfiniteTimeSpan;
            return true;
        }

        if (!TrySplit(trimmed, out var number, out var unit))
            return false;
        var ticks = unit switch
        {
            "ns" or "nano" or "nanos" or "nanosecond" or "nanoseconds" => 0.01,
            "us" or "micro" or "micros" or "microsecond" or "microseconds" => TimeSpan.TicksPerMicrosecond,
            "" or "ms" or "milli" or "millis" or "millisecond" or "milliseconds" => TimeSpan.TicksPerMillisecond,
            "s" or "second" or "seconds" => TimeSpan.TicksPerSecond,
            "m" or "minute" or "minutes" => TimeSpan.TicksPerMinute,
            "h" or "hour" or "hours" => TimeSpan.TicksPerHour,
            "d" or "day" or "days" => TimeSpan.TicksPerDay,
            _ => double.NaN,
        };
        var total = number * ticks;
        if (double.IsNaN(total) || Math.Abs(total) > TimeSpan.MaxValue.Ticks / 2)
            return false;
        duration = TimeSpan.FromTicks((long)Math.Round(total));
        return true;
    }

    /// <summary>A number of bytes; <c>kB</c> and its like are powers of 1000, <c>K</c>, <c>Ki</c>, <c>KiB</c> of 1024.</summary>
    public static bool TrySize(string text, out long bytes)
    {
        bytes = 0;
        if (!TrySplit(text.Trim(), out var number, out var unit))
            return false;
        var factor = unit switch
        {
            "" or "B" or "b" or "byte" or "bytes" => 1d,
            "kB" or "kilobyte" or "kilobytes" => 1e3,
            "MB" or "megabyte" or "megabytes" => 1e6,
            "GB" or "gigabyte" or "gigabytes" => 1e9,
            "TB" or "terabyte" or "terabytes" => 1e12,
            "K" or "k" or "Ki" or "KiB" or "kibibyte" or "kibibytes" => 1L << 10,
            "M" or "m" or "Mi" or "MiB" or "mebibyte" or "mebibytes" => 1L << 20,
            "G" or "g" or "Gi" or "GiB" or "gibibyte" or "gibibytes" => 1L << 30,
            "T" or "t" or "Ti" or "TiB" or "tebibyte" or "tebibytes" => 1L << 40,
            _ => double.NaN,
        };
        var total = number * factor;
        if (double.IsNaN(total) || total < 0 || total > long.MaxValue / 2)
            return false;
        bytes = (long)total;
        return true;
    }

    private static bool TrySplit(string text, out double number, out string unit)
    {
        var digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] is '.' or '-'))
            digits++;
        unit = text[digits..].Trim();
        return double.TryParse(
            text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
    }
}
