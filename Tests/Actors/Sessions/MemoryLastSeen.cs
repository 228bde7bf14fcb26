using Mesh.Actors.Ports;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Actors.Sessions;

/// <summary>Is the table of several controllers, each with its own way to it.</summary>
public sealed class MemoryLastSeen
{
    readonly Dictionary<NodeId, SeenRow> _rows = [];

    public ILastSeen Of(ControllerId self) => new Way(this, self);

    sealed class Way(MemoryLastSeen table, ControllerId self) : ILastSeen
    {
        public Task<IReadOnlyList<SeenRow>> BeginAsync(CancellationToken cancellationToken)
        {
            lock (table._rows)
            {
                foreach (var row in table._rows.Values.Where(row => row.Controller == self).ToList())
                    table._rows[row.Node] = row with { Controller = null, AttachedAt = null };
                return Task.FromResult<IReadOnlyList<SeenRow>>([.. table._rows.Values]);
            }
        }

        public Task WriteAsync(IReadOnlyList<SeenRow> rows, CancellationToken cancellationToken)
        {
            lock (table._rows)
            {
                foreach (var row in rows)
                {
                    var known = table._rows.GetValueOrDefault(row.Node);
                    var isOurs = known?.Controller is null || known.Controller == self || known.AttachedAt <= row.AttachedAt;
                    table._rows[row.Node] = isOurs ? row : row with { Controller = known!.Controller, AttachedAt = known.AttachedAt };
                }
            }
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<SeenRow>> ReadAttachedAsync(IReadOnlyCollection<ControllerId> controllers, CancellationToken cancellationToken)
        {
            lock (table._rows)
                return Task.FromResult<IReadOnlyList<SeenRow>>([.. table._rows.Values.Where(row => row.Controller is { } at && controllers.Contains(at))]);
        }
    }
}
