using Mesh.Actors.Ports;
using Mesh.Controller.Journal;
using Mesh.Tests.Actors.Ports;

namespace Mesh.Tests.Controller.Journal;

/// <summary>A database of the journal, for whoever follows it.</summary>
internal sealed class TailedDatabase(ITempPlace place) : ITailedPlace
{
    public ITailedJournal Open() => new Opened(place.Open());

    public void Dispose() => place.Dispose();

    private sealed class Opened(JournalDatabase database) : ITailedJournal
    {
        public IJournalTail Tail => database;

        public Task AppendAsync(params TailedRow[] rows) => database.AppendAsync([.. rows.Select(Row)]);

        public Task DeleteToAsync(string id, long number) => database.DeleteToAsync(id, number);

        public (long CreatedMs, string Manifest, byte[] Payload) Expected(TailedRow row) => (row.Number * 1000, "test.happened.v1", Row(row).Message);

        public void Dispose() => database.Dispose();

        private static JournalRow Row(TailedRow row) =>
            row.IsSpent ? JournalRow.Spent(row.Id, row.Number, 0) : TempJournal.Row(row.Id, row.Number, command: row.Command);
    }
}
