package harbour.billing;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/** What a customer owes for the parcels of one month. */
public final class Invoice {
    private final List<InvoiceLine> lines = new ArrayList<>();
    private final TaxRates rates;

    public Invoice(TaxRates rates) {
        this.rates = rates;
    }

    public void addLine(String description, BigDecimal net) {
        if (net.signum() < 0) {
            throw new IllegalArgumentException("a line cannot be negative");
        }
        lines.add(new InvoiceLine(description, net));
    }

    /** Sums all lines and adds the value added tax of the country. */
    public BigDecimal total(String country) {
        BigDecimal net = lines.stream().map(InvoiceLine::net).reduce(BigDecimal.ZERO, BigDecimal::add);
        return net.add(net.multiply(rates.rate(country))).setScale(2, RoundingMode.HALF_EVEN);
    }

    record InvoiceLine(String description, BigDecimal net) {}
}
