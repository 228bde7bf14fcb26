using System.Buffers;
using System.IO.Pipelines;

namespace Mesh.Controller.Api;

/// <summary>Splits what arrives into lines of bounded length.</summary>
sealed class LineReader(PipeReader reader, int maximumLine)
{
    /// <summary>
    /// Hands each line without its line feed to <paramref name="take"/>, until the input ends or <paramref name="take"/> returns
    /// false. False where a line is too long; what follows it is not looked at.
    /// </summary>
    public async Task<bool> ReadAsync(Func<ReadOnlySequence<byte>, bool> take, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                var line = rest.Slice(0, end);
                rest = rest.Slice(rest.GetPosition(1, end));
                if (line.Length > maximumLine)
                    return false;
                if (take(line))
                    continue;
                reader.AdvanceTo(rest.Start);
                return true;
            }
            if (rest.Length > maximumLine)
                return false;
            reader.AdvanceTo(rest.Start, read.Buffer.End);
            if (read.IsCompleted || read.IsCanceled)
                return true;
        }
    }
}
