package harbour.billing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.util.Map;
import org.junit.jupiter.api.Test;

class InvoiceTest {
    @Test
    void addsTaxToTheSumOfItsLines() {
        Invoice invoice = new Invoice(TaxRates.fixed(Map.of("DE", new BigDecimal("0.19"))));
        invoice.addLine("parcel", new BigDecimal("10.00"));
        assertEquals(new BigDecimal("11.90"), invoice.total("DE"));
    }
}
